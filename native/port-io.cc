#include "port-io.h"

#include "abi.h"
#include "error.h"
#include "bind.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace {

constexpr uint32_t MOST_PORT = UINT16_MAX; // what a descriptor's u16 can say

uint32_t numberAt(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::Number>().Uint32Value();
}

std::vector<int> handlesAt(const Napi::CallbackInfo& info, size_t index) {
  const auto array = info[index].As<Napi::Array>();
  std::vector<int> result;
  for (uint32_t i = 0; i < array.Length(); i++) {
    result.push_back(array.Get(i).As<Napi::Number>().Int32Value());
  }
  return result;
}

/** A range that the caller named must be inside the memory. */
void require(Napi::Env env, bool isInside, const char* what) {
  if (!isInside) throw Napi::RangeError::New(env, std::string(what) + ": outside the memory");
}

} // namespace

Napi::Function PortIo::define(Napi::Env env) {
  return DefineClass(env, "PortIo",
                     {InstanceMethod<&PortIo::attach>("attach"),
                      InstanceMethod<&PortIo::bindPort>("bindPort"),
                      InstanceMethod<&PortIo::unbindPort>("unbindPort"),
                      InstanceMethod<&PortIo::rxBurst>("rxBurst"),
                      InstanceMethod<&PortIo::txBurst>("txBurst"),
                      InstanceMethod<&PortIo::wait>("wait")});
}

/** (wakeHandle) */
PortIo::PortIo(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PortIo>(info) {
  const int wakeFd = info[0].As<Napi::Number>().Int32Value();
  reported(info.Env(), [&] {
    if (!isWake(wakeFd)) throw SystemError{"PortIo", "wake " + std::to_string(wakeFd), EBADF};
    poll_ = std::make_unique<Poll>(wakeFd);
  });
}

/** (memory: Uint8Array) */
void PortIo::attach(const Napi::CallbackInfo& info) {
  if (!info[0].IsTypedArray()) throw Napi::TypeError::New(info.Env(), "attach: not a Uint8Array");
  auto view = info[0].As<Napi::Uint8Array>();
  view_ = Napi::Persistent(view);
  memory_ = Memory{view.Data(), view.ByteLength()};
}

/** (port, handles): takes the place of what was bound there */
void PortIo::bindPort(const Napi::CallbackInfo& info) {
  const uint32_t index = numberAt(info, 0);
  const std::vector<int> handles = handlesAt(info, 1);
  reported(info.Env(), [&] {
    const std::string object = "port " + std::to_string(index);
    if (index > MOST_PORT) throw SystemError{"bindPort", object, ERANGE};
    std::unique_ptr<Port> port = makePort(handles, object);
    watch(index, *port);
    if (const auto old = ports_.unbind(index)) unwatch(*old);
    port->joined(*poll_, index);
    ports_.bind(index, std::move(port));
  });
}

/** All or nothing. */
void PortIo::watch(uint16_t index, const Port& port) {
  const std::vector<int> inputs = port.inputs();
  try {
    for (size_t i = 0; i < inputs.size(); i++) poll_->add(inputs[i], index, i, EPOLLIN);
  } catch (...) {
    unwatch(port);
    throw;
  }
}

/** Before it goes: epoll would keep its inputs while another descriptor is open. */
void PortIo::unwatch(const Port& port) {
  for (const int fd : port.inputs()) poll_->remove(fd);
}

/** (port) */
void PortIo::unbindPort(const Napi::CallbackInfo& info) {
  if (const auto port = ports_.unbind(numberAt(info, 0))) unwatch(*port);
}

/** (port, descriptors, count, cursor, arenaEnd) → frames, or a negative errno */
Napi::Value PortIo::rxBurst(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Memory& memory = attached(env);
  const RxTarget target{numberAt(info, 0), numberAt(info, 1), numberAt(info, 2),
                        numberAt(info, 3), numberAt(info, 4)};
  const uint64_t bytes = uint64_t{target.count} * abi::RX_BYTES;
  require(env, memory.holds(target.descriptors, bytes), "rxBurst descriptors");
  require(env, memory.holds(target.cursor, sizeof(uint32_t)), "rxBurst cursor");
  require(env, memory.holds(target.arenaEnd, 0), "rxBurst arena");
  Port* const port = ports_.at(target.port);
  const int32_t received = port == nullptr ? -EBADF : port->receive(memory, target);
  return Napi::Number::New(env, received);
}

/** (descriptors, count) → frames refused */
Napi::Value PortIo::txBurst(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Memory& memory = attached(env);
  const uint32_t first = numberAt(info, 0);
  const uint32_t count = numberAt(info, 1);
  require(env, memory.holds(first, uint64_t{count} * abi::TX_BYTES), "txBurst descriptors");
  return Napi::Number::New(env, sendBurst(memory, ports_, first, count));
}

/** (ready, most, timeoutMs, spinUs) → ports written to `ready`, a u32 each */
Napi::Value PortIo::wait(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Memory& memory = attached(env);
  const uint32_t ready = numberAt(info, 0);
  const uint32_t most = std::clamp(numberAt(info, 1), 1u, Poll::MOST_READY);
  const Patience patience{info[2].As<Napi::Number>().Int32Value(), numberAt(info, 3)};
  require(env, memory.holds(ready, most * sizeof(uint32_t)), "wait ready");
  require(env, ready % alignof(uint32_t) == 0, "wait ready (unaligned)");
  auto* const ports = reinterpret_cast<uint32_t*>(memory.base + ready);
  return Napi::Number::New(env, poll_->wait(ports_, ports, most, patience));
}

/** The memory, which must not have been replaced by growing. */
const Memory& PortIo::attached(Napi::Env env) const {
  if (memory_.base == nullptr || view_.Value().ByteLength() != memory_.bytes) {
    throw Napi::Error::New(env, "attach: no memory, or it has grown since");
  }
  return memory_;
}

#include "port-io.h"

#include "abi.h"
#include "error.h"
#include "tap.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace {

constexpr uint32_t MOST_PORT = UINT16_MAX; // what a descriptor's u16 can say

uint32_t numberAt(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::Number>().Uint32Value();
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

/** (port, handle) */
void PortIo::bindPort(const Napi::CallbackInfo& info) {
  const uint32_t port = numberAt(info, 0);
  const int handle = info[1].As<Napi::Number>().Int32Value();
  reported(info.Env(), [&] {
    const std::string object = "port " + std::to_string(port);
    if (port > MOST_PORT) throw SystemError{"bindPort", object, ERANGE};
    if (ports_.at(port) >= 0) throw SystemError{"bindPort", object, EBUSY};
    if (!isTap(handle)) throw SystemError{"bindPort", object, EBADF};
    Fd fd(fcntl(handle, F_DUPFD_CLOEXEC, 0));
    if (!fd.isOpen()) fail("dup", object);
    poll_->add(fd.get(), port);
    ports_.bind(port, std::move(fd));
  });
}

/** (port) */
void PortIo::unbindPort(const Napi::CallbackInfo& info) {
  const uint32_t port = numberAt(info, 0);
  if (ports_.at(port) < 0) return;
  poll_->remove(ports_.at(port)); // epoll would keep it while another descriptor is open
  ports_.unbind(port);
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
  const int fd = ports_.at(target.port);
  const int32_t received = fd < 0 ? -EBADF : receiveBurst(memory, fd, target);
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
  return Napi::Number::New(env, poll_->wait(ports, most, patience));
}

/** The memory, which must not have been replaced by growing. */
const Memory& PortIo::attached(Napi::Env env) const {
  if (memory_.base == nullptr || view_.Value().ByteLength() != memory_.bytes) {
    throw Napi::Error::New(env, "attach: no memory, or it has grown since");
  }
  return memory_;
}

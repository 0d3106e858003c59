/**
 * The addon's exports. Nothing here is shared between the environments that load it: a
 * handle is a file descriptor, which every thread of the process knows by its number.
 */
#include "bind.h"
#include "error.h"
#include "packet.h"
#include "poll.h"
#include "port-io.h"
#include "netns.h"
#include "tap.h"
#include "udp.h"

#include <napi.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace {

constexpr size_t MAC_BYTES = 6;

int integer(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  return value.IsUndefined() ? 0 : value.As<Napi::Number>().Int32Value();
}

std::string text(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  return value.IsUndefined() ? "" : value.As<Napi::String>().Utf8Value();
}

TapOptions tapOptions(const Napi::Object& options) {
  TapOptions result;
  result.name = text(options, "name");
  result.netns = text(options, "netns");
  result.mtuBytes = integer(options, "mtuBytes");
  result.sendBufferBytes = integer(options, "sendBufferBytes");
  result.offload = options.Get("offload").ToBoolean();
  const Napi::Value mac = options.Get("mac");
  if (mac.IsUndefined()) return result;
  const auto bytes = mac.As<Napi::Uint8Array>();
  if (bytes.ByteLength() != MAC_BYTES) throw Napi::RangeError::New(mac.Env(), "mac: not 6 bytes");
  result.mac.assign(bytes.Data(), bytes.Data() + bytes.ByteLength());
  return result;
}

Napi::Value openTapHandle(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const TapOptions options = tapOptions(info[0].As<Napi::Object>());
  Tap tap = reported(env, [&] { return openTap(options); });
  auto result = Napi::Object::New(env);
  result.Set("handle", tap.fd.release());
  result.Set("name", tap.name);
  result.Set("ifindex", tap.ifindex);
  result.Set("hasUdpOffload", tap.hasUdpOffload);
  return result;
}

Napi::Value openWakeHandle(const Napi::CallbackInfo& info) {
  Fd fd = reported(info.Env(), [] { return openWake(); });
  return Napi::Number::New(info.Env(), fd.release());
}

void wakeHandle(const Napi::CallbackInfo& info) {
  const int handle = info[0].As<Napi::Number>().Int32Value();
  reported(info.Env(), [&] {
    if (!isWake(handle)) throw SystemError{"wake", std::to_string(handle), EBADF};
    wake(handle);
  });
}

Napi::Value openPacketHandles(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto options = info[0].As<Napi::Object>();
  const PacketOptions wanted{text(options, "interface"), text(options, "netns")};
  Packet packet = reported(env, [&] { return openPacket(wanted); });
  auto result = Napi::Object::New(env);
  auto handles = Napi::Array::New(env);
  handles.Set(0u, packet.packet.release());
  handles.Set(1u, packet.links.release());
  result.Set("handles", handles);
  result.Set("ifindex", packet.ifindex);
  result.Set("mtuBytes", packet.mtuBytes);
  auto mac = Napi::Uint8Array::New(env, packet.mac.size());
  std::copy(packet.mac.begin(), packet.mac.end(), mac.Data());
  result.Set("mac", mac);
  return result;
}

/** Of `kind`, by its name. */
UdpKind udpKind(Napi::Env env, const std::string& kind) {
  if (kind == "receive") return UdpKind::Receive;
  if (kind == "raw") return UdpKind::Raw;
  if (kind == "errors") return UdpKind::Errors;
  throw Napi::RangeError::New(env, "kind: expected receive, raw or errors, got " + kind);
}

Napi::Value openUdpHandle(const Napi::CallbackInfo& info) {
  const auto options = info[0].As<Napi::Object>();
  const UdpOptions wanted{udpKind(info.Env(), text(options, "kind")), text(options, "netns"),
                          text(options, "address"),
                          static_cast<uint16_t>(integer(options, "udpPort")),
                          text(options, "via")};
  Fd fd = reported(info.Env(), [&] { return openUdp(wanted); });
  return Napi::Number::New(info.Env(), fd.release());
}

Napi::Value openNetnsHandle(const Napi::CallbackInfo& info) {
  const std::string netns = info[0].As<Napi::String>().Utf8Value();
  Fd fd = reported(info.Env(), [&] { return openNetns(netns); });
  return Napi::Number::New(info.Env(), fd.release());
}

void closeHandle(const Napi::CallbackInfo& info) {
  const int handle = info[0].As<Napi::Number>().Int32Value();
  reported(info.Env(), [&] {
    if (!isOurs(handle)) throw SystemError{"close", std::to_string(handle), EBADF};
    Fd closed(handle);
  });
}

Napi::Value errorText(const Napi::CallbackInfo& info) {
  const int error = info[0].As<Napi::Number>().Int32Value();
  return Napi::String::New(info.Env(), errorName(error < 0 ? -error : error));
}

Napi::Object exportAll(Napi::Env env, Napi::Object exports) {
  exports.Set("PortIo", PortIo::define(env));
  exports.Set("openTap", Napi::Function::New<openTapHandle>(env));
  exports.Set("openPacket", Napi::Function::New<openPacketHandles>(env));
  exports.Set("openUdp", Napi::Function::New<openUdpHandle>(env));
  exports.Set("openNetns", Napi::Function::New<openNetnsHandle>(env));
  exports.Set("openWake", Napi::Function::New<openWakeHandle>(env));
  exports.Set("wake", Napi::Function::New<wakeHandle>(env));
  exports.Set("close", Napi::Function::New<closeHandle>(env));
  exports.Set("errorName", Napi::Function::New<errorText>(env));
  return exports;
}

} // namespace

NODE_API_MODULE(sluice, exportAll)

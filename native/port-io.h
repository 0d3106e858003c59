/**
 * `PortIo` for JavaScript: moves frames between ports and one WASM memory. Each is used by
 * the thread that made it; several may exist side by side.
 *
 * Descriptors given to it are duplicated, so that closing them elsewhere can never make a
 * port mean another file.
 */
#pragma once

#include "burst.h"
#include "memory.h"
#include "poll.h"
#include "ports.h"

#include <napi.h>

#include <memory>

class PortIo : public Napi::ObjectWrap<PortIo> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit PortIo(const Napi::CallbackInfo& info);

 private:
  void attach(const Napi::CallbackInfo& info);
  void bindPort(const Napi::CallbackInfo& info);
  void unbindPort(const Napi::CallbackInfo& info);
  Napi::Value rxBurst(const Napi::CallbackInfo& info);
  Napi::Value txBurst(const Napi::CallbackInfo& info);
  Napi::Value wait(const Napi::CallbackInfo& info);

  void watch(uint16_t index, const Port& port);
  void unwatch(const Port& port);
  const Memory& attached(Napi::Env env) const;

  Napi::Reference<Napi::Uint8Array> view_; // keeps the memory from being collected
  Memory memory_;
  Ports ports_;
  std::unique_ptr<Poll> poll_;
};

#include "error.h"

#include <cerrno>
#include <cstring>

void fail(const std::string& call, const std::string& object) {
  throw SystemError{call, object, errno};
}

std::string errorName(int error) {
#ifdef __GLIBC__
  const char* name = strerrorname_np(error);
  if (name != nullptr) return name;
#endif
  return "errno " + std::to_string(error);
}

Napi::Error toJs(Napi::Env env, const SystemError& failure) {
  const std::string name = errorName(failure.error);
  auto error = Napi::Error::New(env, failure.call + " " + failure.object + ": " + name);
  error.Set("code", Napi::String::New(env, name));
  error.Set("errno", Napi::Number::New(env, -failure.error)); // negative, as Node does
  error.Set("syscall", Napi::String::New(env, failure.call));
  return error;
}

/** How a failed system call is reported: the call, what it was about, and errno. */
#pragma once

#include <napi.h>

#include <string>

struct SystemError {
  std::string call;
  std::string object;
  int error;
};

/** Throws for the current errno. */
[[noreturn]] void fail(const std::string& call, const std::string& object);

/** `EPERM` for 1. */
std::string errorName(int error);

/** An Error that reads `TUNSETIFF tap0: EPERM`, with Node's `code`, `errno`, `syscall`. */
Napi::Error toJs(Napi::Env env, const SystemError& failure);

/** Runs `body`, turning a failed system call into a JavaScript exception. */
template <class Body> auto reported(Napi::Env env, Body body) {
  try {
    return body();
  } catch (const SystemError& failure) {
    throw toJs(env, failure);
  }
}

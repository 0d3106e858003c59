/** Waiting for frames on many devices, or for a call from another thread. */
#pragma once

#include "fd.h"
#include "ports.h"

#include <cstdint>

/** How long one wait takes at most. */
struct Patience {
  int timeoutMs;   // -1: for ever
  uint32_t spinUs; // how long after the last frame the thread polls before it sleeps
};

class Poll {
 public:
  /** Most ports that one wait reports; the others come first the next time. */
  static constexpr uint32_t MOST_READY = 256;

  /** Keeps a descriptor of its own for `wakeFd`, an eventfd. */
  explicit Poll(int wakeFd);

  /**
   * Watches an input of a port until `remove`, which has to come before the last descriptor
   * of it is closed. `events`: of epoll; errors are always among them.
   */
  void add(int fd, uint16_t port, uint32_t input, uint32_t events);
  void remove(int fd);

  /**
   * Returns as soon as an input has frames or failed, at a wake-up, or after the timeout.
   * Tells the ports, writes the index of each to `ready` once, and returns how many.
   */
  uint32_t wait(const Ports& ports, uint32_t* ready, uint32_t most, const Patience& patience);

 private:
  uint32_t collect(const Ports& ports, uint32_t* ready, uint32_t most, int timeoutMs);

  Fd epoll_;
  Fd wake_;
  bool isWoken_ = false;
  uint64_t lastFrameNs_ = 0;
};

/** A new wake handle: an eventfd. */
Fd openWake();

/** Ends the wait, or the next one, of whoever polls `fd`; from any thread. */
void wake(int fd);

bool isWake(int fd);

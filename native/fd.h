/** A file descriptor with one owner. */
#pragma once

#include <unistd.h>

#include <utility>

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }

  /** -1 if there is none. */
  int get() const { return fd_; }
  bool isOpen() const { return fd_ >= 0; }

  /** Gives the descriptor away: the caller closes it. */
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

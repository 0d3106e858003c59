/** Which device each port index means. Indexes are those of the descriptors. */
#pragma once

#include "fd.h"

#include <cstdint>
#include <vector>

class Ports {
 public:
  /** -1 if nothing is bound there. */
  int at(uint32_t port) const { return port < fds_.size() ? fds_[port].get() : -1; }

  void bind(uint16_t port, Fd fd) {
    if (port >= fds_.size()) fds_.resize(port + 1);
    fds_[port] = std::move(fd);
  }

  void unbind(uint32_t port) {
    if (port < fds_.size()) fds_[port] = Fd();
  }

 private:
  std::vector<Fd> fds_;
};

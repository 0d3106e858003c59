/** Which port each index means. Indexes are those of the descriptors. */
#pragma once

#include "port.h"

#include <memory>
#include <vector>

class Ports {
 public:
  /** Null if nothing is bound there. */
  Port* at(uint32_t port) const { return port < ports_.size() ? ports_[port].get() : nullptr; }

  void bind(uint16_t index, std::unique_ptr<Port> port) {
    if (index >= ports_.size()) ports_.resize(index + 1);
    ports_[index] = std::move(port);
  }

  /** Gives it to the caller. */
  std::unique_ptr<Port> unbind(uint32_t port) {
    return port < ports_.size() ? std::move(ports_[port]) : nullptr;
  }

 private:
  std::vector<std::unique_ptr<Port>> ports_;
};

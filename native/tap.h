/** TAP devices: how they are made. A handle is the file descriptor of one. */
#pragma once

#include "fd.h"

#include <cstdint>
#include <string>
#include <vector>

struct TapOptions {
  std::string name;         // may hold one %d, as in ip(8)
  std::string netns;        // empty: stays here
  std::vector<uint8_t> mac; // empty: the kernel chooses one
  int mtuBytes = 0;         // 0: the kernel's default
  int sendBufferBytes = 0;  // 0: the kernel's default, no limit
  bool offload = false;
};

struct Tap {
  Fd fd;
  std::string name;
  int ifindex = 0;         // in its own namespace
  bool hasUdpOffload = false; // takes UDP segmentation requests (Linux 6.2)
};

/** Makes a TAP that lives as long as a descriptor of it is open, and sets it up. */
Tap openTap(const TapOptions& options);

/** Whether `fd` is an open TAP, even one whose device vanished. */
bool isTap(int fd);

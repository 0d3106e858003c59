#include "poll.h"

#include "error.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>

namespace {

/** What epoll says instead of a port and input when it is the wake handle. */
constexpr uint64_t WAKE = UINT64_MAX;

constexpr int INPUT_SHIFT = 32; // above the port

constexpr uint64_t NS_PER_US = 1000;

uint64_t nowNs() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

void watch(int epoll, int fd, uint64_t name, uint32_t events) {
  // Level-triggered: what one burst leaves behind is reported again.
  epoll_event event{};
  event.events = events;
  event.data.u64 = name;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) return;
  fail("epoll_ctl", name == WAKE ? "wake" : "port " + std::to_string(uint16_t(name)));
}

} // namespace

Poll::Poll(int wakeFd)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(fcntl(wakeFd, F_DUPFD_CLOEXEC, 0)) {
  if (!epoll_.isOpen()) fail("epoll_create1", "wake");
  watch(epoll_.get(), wake_.get(), WAKE, EPOLLIN);
}

void Poll::add(int fd, uint16_t port, uint32_t input, uint32_t events) {
  watch(epoll_.get(), fd, uint64_t{input} << INPUT_SHIFT | port, events);
}

void Poll::remove(int fd) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

uint32_t Poll::wait(const Ports& ports, uint32_t* ready, uint32_t most,
                    const Patience& patience) {
  const uint64_t spinNs = patience.timeoutMs == 0 ? 0 : patience.spinUs * NS_PER_US;
  isWoken_ = false;
  uint32_t count = collect(ports, ready, most, 0);
  while (count == 0 && !isWoken_ && nowNs() - lastFrameNs_ < spinNs) {
    count = collect(ports, ready, most, 0);
  }
  if (count == 0 && !isWoken_) count = collect(ports, ready, most, patience.timeoutMs);
  if (count != 0) lastFrameNs_ = nowNs();
  return count;
}

uint32_t Poll::collect(const Ports& ports, uint32_t* ready, uint32_t most, int timeoutMs) {
  epoll_event events[MOST_READY];
  const int found = epoll_wait(epoll_.get(), events, most, timeoutMs);
  uint32_t count = 0;
  for (int i = 0; i < found; i++) {
    const uint64_t name = events[i].data.u64;
    if (name == WAKE) {
      eventfd_t calls;
      eventfd_read(wake_.get(), &calls);
      isWoken_ = true;
      continue;
    }
    const uint32_t index = name & UINT16_MAX;
    Port* const port = ports.at(index);
    if (port == nullptr) continue;
    port->markReady(name >> INPUT_SHIFT, (events[i].events & EPOLLERR) != 0);
    if (std::find(ready, ready + count, index) == ready + count) ready[count++] = index;
  }
  return count;
}

Fd openWake() {
  Fd fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!fd.isOpen()) fail("eventfd", "wake");
  return fd;
}

void wake(int fd) {
  // EAGAIN: it has been called 2^64 - 2 times and not looked; it will wake all the same.
  if (eventfd_write(fd, 1) < 0 && errno != EAGAIN) fail("wake", std::to_string(fd));
}

bool isWake(int fd) {
  char target[64];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = readlink(link.c_str(), target, sizeof target);
  return length > 0 && std::string(target, length) == "anon_inode:[eventfd]";
}

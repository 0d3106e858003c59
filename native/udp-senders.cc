#include "udp-senders.h"

#include "error.h"
#include "netns.h"
#include "udp-multicast.h"
#include "udp.h"

#include <sys/socket.h>

#include <cerrno>

namespace {

constexpr uint32_t PORTS = 1 << 16;

/** Most sockets that receive. */
constexpr uint32_t MOST_ADOPTED = 64;

/** Sockets opened at a time in another namespace, for one thread that enters it. */
constexpr int OPENED_AT_ONCE = 16;

/** How many ports are tried where the wanted one is taken. */
constexpr uint32_t NEIGHBOURS = 16;

} // namespace

UdpSenders::UdpSenders(const SocketAddress& from, int netns, int ifindex, bool hasErrorQueue)
    : from_(from), netns_(netns), ifindex_(ifindex), hasErrorQueue_(hasErrorQueue),
      places_(PORTS, NOBODY) {
  senders_.reserve(MOST_ADOPTED + MOST_SENDERS);
}

void UdpSenders::adopt(Fd fd) {
  if (adopted_ == MOST_ADOPTED) throw SystemError{"bindPort", from_.text(), EMFILE};
  UdpSender sender;
  sender.at = boundAddress(fd.get());
  sender.wanted = sender.at.port();
  sender.fd = std::move(fd);
  places_[sender.wanted] = adopted_++;
  senders_.push_back(std::move(sender));
}

UdpSender* UdpSenders::find(uint16_t port, bool& isNew) {
  isNew = places_[port] == NOBODY;
  UdpSender* const sender = isNew ? open(port) : &senders_[places_[port]];
  if (sender != nullptr) sender->usedAt = ++uses_;
  return sender;
}

UdpSender* UdpSenders::open(uint16_t port) {
  UdpSender& sender = place(port);
  sender.fd = takeUnbound();
  if (sender.fd.isOpen() && bindNear(sender.fd, port, sender.at)) {
    setGroupInterface(sender.fd.get(), family(), ifindex_);
    return &sender;
  }
  const int error = errno;
  sender.fd = Fd();
  places_[port] = NOBODY; // its place is free, and the first that is used again
  errno = error;
  return nullptr;
}

/** An empty sender for a port: a new one, or that of the port not used for longest. */
UdpSender& UdpSenders::place(uint16_t port) {
  uint32_t place = senders_.size();
  if (place < adopted_ + MOST_SENDERS) {
    senders_.emplace_back();
  } else {
    place = adopted_;
    for (uint32_t i = adopted_; i < senders_.size(); i++) {
      if (senders_[i].usedAt < senders_[place].usedAt) place = i;
    }
    if (places_[senders_[place].wanted] == place) places_[senders_[place].wanted] = NOBODY;
    senders_[place] = UdpSender();
  }
  senders_[place].wanted = port;
  places_[port] = place;
  return senders_[place];
}

bool UdpSenders::bindNear(const Fd& fd, uint16_t port, SocketAddress& at) {
  at = from_;
  for (uint32_t i = 0; i < NEIGHBOURS; i++) {
    at.setPort(port ^ i);
    if (at.port() == 0) continue; // would be any
    if (bind(fd.get(), &at.any, at.bytes()) == 0) return true;
    if (errno != EADDRINUSE) return false;
  }
  return false;
}

/** None: errno says why. */
Fd UdpSenders::takeUnbound() {
  if (unbound_.empty()) {
    try {
      inNetns(netns_, [&] {
        const int count = netns_ < 0 ? 1 : OPENED_AT_ONCE;
        for (int i = 0; i < count; i++) unbound_.push_back(openUdpSender(family(), hasErrorQueue_));
      });
    } catch (const SystemError& failure) {
      errno = failure.error;
    }
  }
  if (unbound_.empty()) return Fd();
  Fd fd = std::move(unbound_.back());
  unbound_.pop_back();
  return fd;
}

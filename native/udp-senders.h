/**
 * Sockets that datagrams leave by, one a source port: the port of a datagram's header is
 * that of the socket. At most 256, the one not used for longest goes; a socket that receives
 * on a port sends from it too. Where another program has the port, its neighbour is taken
 * (port ^ 1, port ^ 2, …), the same as long as the socket lives.
 *
 * Finding one is one load; opening one is some system calls, and in another namespace, where
 * sockets are opened a few at a time, a thread.
 */
#pragma once

#include "address.h"
#include "fd.h"

#include <cstdint>
#include <vector>

/** A socket and what has been set on it; what differs is set before sending. */
struct UdpSender {
  Fd fd;
  SocketAddress at;     // what it is bound to
  uint16_t wanted = 0;  // the port it stands for
  uint64_t usedAt = 0;  // counts, of `find`
  int isDontFragment = -1;
  int hasChecksum = -1;
};

class UdpSenders {
 public:
  /**
   * `from`: our address, with any port. `netns`: -1, or where to open sockets. `ifindex`: the
   * interface of our address.
   */
  UdpSenders(const SocketAddress& from, int netns, int ifindex, bool hasErrorQueue);

  int family() const { return from_.family(); }
  bool hasErrorQueue() const { return hasErrorQueue_; }

  /** Keeps a descriptor of a socket that is bound already, for as long as it lives. */
  void adopt(Fd fd);

  /**
   * The sender for a source port; null if none can be had, and errno. `isNew` says that it
   * has just been opened.
   */
  UdpSender* find(uint16_t port, bool& isNew);

  /** A sender's place, for as long as it is that sender. */
  uint32_t placeOf(const UdpSender& sender) const { return &sender - senders_.data(); }
  UdpSender* at(uint32_t place) { return place < senders_.size() ? &senders_[place] : nullptr; }

 private:
  UdpSender* open(uint16_t port);
  UdpSender& place(uint16_t port);
  bool bindNear(const Fd& fd, uint16_t port, SocketAddress& at);
  Fd takeUnbound();

  static constexpr uint32_t MOST_SENDERS = 256;
  static constexpr uint16_t NOBODY = UINT16_MAX;

  SocketAddress from_;
  int netns_;
  int ifindex_;
  bool hasErrorQueue_;
  uint64_t uses_ = 0;
  uint32_t adopted_ = 0;              // senders that stay, the first ones
  std::vector<UdpSender> senders_;    // never grows beyond what is reserved
  std::vector<uint16_t> places_;      // by port: place in senders_, or NOBODY
  std::vector<Fd> unbound_;
};

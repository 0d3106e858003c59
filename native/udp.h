/**
 * Sockets of a port of kind udp: how they are opened, and told apart. Each is a handle.
 *
 * receive  one for each of our addresses, or groups, and UDP ports; datagrams come coalesced
 *          (UDP_GRO)
 * raw      one an address, where CAP_NET_RAW is there: sends whole IP packets
 * errors   one an address, where CAP_NET_RAW is there: ICMP errors about UDP
 * netns    the namespace, if it is another, for sockets that are opened while sending
 */
#pragma once

#include "address.h"
#include "fd.h"

#include <string>

enum class UdpKind { Receive, Raw, Errors };

struct UdpOptions {
  UdpKind kind;
  std::string netns; // empty: here
  std::string address;
  uint16_t port;   // of receive
  std::string via; // of receive, where the address is a group: our own on the interface
};

Fd openUdp(const UdpOptions& options);

/** An unbound socket that will send from a port of its own, and takes nothing. */
Fd openUdpSender(int family, bool hasErrorQueue);

/** Errors about what the socket sends come to its error queue. */
void setErrorQueue(int fd, int family);

/** What a socket does about `isDontFragment`: it never fragments. */
void setFragmenting(int fd, int family, bool isDontFragment);

bool isUdpReceive(int fd);
bool isUdpRaw(int fd);
bool isUdpErrors(int fd);

/** The address a socket is bound to. */
SocketAddress boundAddress(int fd);

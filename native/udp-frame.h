/**
 * Frames of a port of kind udp: Ethernet with both addresses zero, IPv4 (RFC 791) or IPv6
 * (RFC 8200), UDP (RFC 768) and a payload; or ICMP instead of UDP. The sockets of the kernel
 * have none of these headers: they are made here when a datagram comes, and read here when
 * one goes.
 */
#pragma once

#include "address.h"
#include "memory.h"

#include <cstdint>

namespace wire {
constexpr uint32_t ETHERNET_BYTES = 14;
constexpr uint32_t IPV4_BYTES = 20;
constexpr uint32_t IPV6_BYTES = 40;
constexpr uint32_t UDP_BYTES = 8;
constexpr uint32_t ICMP_BYTES = 8;
constexpr uint32_t UDP_CHECKSUM_OFFSET = 6;
constexpr uint8_t ICMP = 1; // IANA protocol numbers
constexpr uint8_t UDP = 17;
constexpr uint8_t ICMPV6 = 58;

inline uint32_t ipBytes(int family) { return family == AF_INET ? IPV4_BYTES : IPV6_BYTES; }
} // namespace wire

/** What is said of a datagram beside its ports. */
struct IpFields {
  const SocketAddress& from;
  const SocketAddress& to;
  uint8_t protocol;
  uint8_t tos;
  uint8_t ttl;
};

/** Writes an Ethernet header alone. */
void writeEthernet(uint8_t* frame, int family);

/** Writes Ethernet and IP headers for `payloadBytes` behind them. Returns how long they are. */
uint32_t writeIp(uint8_t* frame, const IpFields& fields, uint32_t payloadBytes);

/** Writes an IP header alone, at `ip`. */
uint32_t writeBareIp(uint8_t* ip, const IpFields& fields, uint32_t payloadBytes);

/** Writes a UDP header with checksum 0. */
void writeUdp(uint8_t* udp, uint16_t fromPort, uint16_t toPort, uint32_t payloadBytes);

/** RFC 1071, over `bytes` and what `sum` says came before. */
uint16_t checksumOf(const uint8_t* data, uint32_t bytes, uint32_t sum = 0);

/** Sum of the pseudo header, RFC 8200 §8.1. */
uint32_t pseudoSum(const IpFields& fields, uint32_t payloadBytes);

/** The headers of a frame to send. */
struct UdpFrame {
  SocketAddress to;
  uint16_t fromPort;
  uint8_t tos;
  uint8_t ttl;
  bool isDontFragment; // always over IPv6
  bool hasChecksum;
  uint32_t headerBytes;

  /** False: it is not UDP over plain IP, or cut off. */
  bool parse(const uint8_t* frame, uint32_t bytes);
};

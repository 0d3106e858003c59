#include "udp-frame.h"

#include <arpa/inet.h>

#include <cstring>

using namespace wire;

namespace {

constexpr uint16_t ETHERTYPE_IPV4 = 0x0800; // IEEE 802 numbers
constexpr uint16_t ETHERTYPE_IPV6 = 0x86dd;
constexpr uint32_t TYPE_OFFSET = 12;

constexpr uint8_t IPV4_PLAIN = 0x45; // version 4, no options
constexpr uint32_t DONT_FRAGMENT = 0x4000;
constexpr uint32_t FRAGMENT_BITS = 0x3fff; // more fragments, and the offset
constexpr uint8_t IPV6_VERSION = 6;

void put16(uint8_t* at, uint32_t value) {
  at[0] = value >> 8;
  at[1] = value;
}

uint32_t get16(const uint8_t* at) {
  return uint32_t{at[0]} << 8 | at[1];
}

uint32_t sumOf(const uint8_t* data, uint32_t bytes) {
  uint32_t sum = 0;
  for (uint32_t i = 0; i + 1 < bytes; i += 2) sum += get16(data + i);
  if (bytes % 2 != 0) sum += uint32_t{data[bytes - 1]} << 8;
  return sum;
}

void writeIpv4(uint8_t* ip, const IpFields& fields, uint32_t payloadBytes) {
  std::memset(ip, 0, IPV4_BYTES);
  ip[0] = IPV4_PLAIN;
  ip[1] = fields.tos;
  put16(ip + 2, IPV4_BYTES + payloadBytes);
  ip[8] = fields.ttl;
  ip[9] = fields.protocol;
  std::memcpy(ip + 12, fields.from.ip(), 4);
  std::memcpy(ip + 16, fields.to.ip(), 4);
  put16(ip + 10, checksumOf(ip, IPV4_BYTES));
}

void writeIpv6(uint8_t* ip, const IpFields& fields, uint32_t payloadBytes) {
  std::memset(ip, 0, 8);
  ip[0] = IPV6_VERSION << 4 | fields.tos >> 4;
  ip[1] = fields.tos << 4;
  put16(ip + 4, payloadBytes);
  ip[6] = fields.protocol;
  ip[7] = fields.ttl;
  std::memcpy(ip + 8, fields.from.ip(), 16);
  std::memcpy(ip + 24, fields.to.ip(), 16);
}

} // namespace

uint16_t checksumOf(const uint8_t* data, uint32_t bytes, uint32_t sum) {
  sum += sumOf(data, bytes);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum;
}

uint32_t pseudoSum(const IpFields& fields, uint32_t payloadBytes) {
  const auto* const from = static_cast<const uint8_t*>(fields.from.ip());
  const auto* const to = static_cast<const uint8_t*>(fields.to.ip());
  const uint32_t bytes = fields.from.ipBytes();
  return sumOf(from, bytes) + sumOf(to, bytes) + fields.protocol + payloadBytes;
}

uint32_t writeBareIp(uint8_t* ip, const IpFields& fields, uint32_t payloadBytes) {
  if (fields.from.isV4()) writeIpv4(ip, fields, payloadBytes);
  else writeIpv6(ip, fields, payloadBytes);
  return ipBytes(fields.from.family());
}

void writeEthernet(uint8_t* frame, int family) {
  std::memset(frame, 0, TYPE_OFFSET);
  put16(frame + TYPE_OFFSET, family == AF_INET ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
}

uint32_t writeIp(uint8_t* frame, const IpFields& fields, uint32_t payloadBytes) {
  writeEthernet(frame, fields.from.family());
  return ETHERNET_BYTES + writeBareIp(frame + ETHERNET_BYTES, fields, payloadBytes);
}

void writeUdp(uint8_t* udp, uint16_t fromPort, uint16_t toPort, uint32_t payloadBytes) {
  put16(udp, fromPort);
  put16(udp + 2, toPort);
  put16(udp + 4, UDP_BYTES + payloadBytes);
  put16(udp + 6, 0);
}

bool UdpFrame::parse(const uint8_t* frame, uint32_t bytes) {
  if (bytes < ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES) return false;
  const uint8_t* const ip = frame + ETHERNET_BYTES;
  const uint32_t type = get16(frame + TYPE_OFFSET);
  const int family = type == ETHERTYPE_IPV4 ? AF_INET : AF_INET6;
  if (family == AF_INET) {
    const uint32_t fragment = get16(ip + 6);
    if (ip[0] != IPV4_PLAIN || ip[9] != UDP || (fragment & FRAGMENT_BITS) != 0) return false;
    tos = ip[1];
    ttl = ip[8];
    isDontFragment = (fragment & DONT_FRAGMENT) != 0;
  } else {
    if (type != ETHERTYPE_IPV6 || bytes < ETHERNET_BYTES + IPV6_BYTES + UDP_BYTES) return false;
    if (ip[0] >> 4 != IPV6_VERSION || ip[6] != UDP) return false;
    tos = ip[0] << 4 | ip[1] >> 4;
    ttl = ip[7];
    isDontFragment = true;
  }
  const uint8_t* const udp = ip + ipBytes(family);
  const uint8_t* const target = ip + (family == AF_INET ? 16 : 24);
  fromPort = get16(udp);
  to = SocketAddress::from(family, target, get16(udp + 2));
  hasChecksum = get16(udp + UDP_CHECKSUM_OFFSET) != 0;
  headerBytes = ETHERNET_BYTES + ipBytes(family) + UDP_BYTES;
  return true;
}

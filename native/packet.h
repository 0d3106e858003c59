/**
 * Interfaces that exist, by AF_PACKET: how they are opened. Two handles: the packet socket,
 * and a netlink socket that has something to read when links change, as the packet socket
 * itself does not say that an interface has gone which was down before.
 */
#pragma once

#include "fd.h"

#include <array>
#include <cstdint>
#include <string>

struct PacketOptions {
  std::string interface;
  std::string netns; // empty: here
};

struct Packet {
  Fd packet;
  Fd links;
  int ifindex = 0;
  int mtuBytes = 0;
  std::array<uint8_t, 6> mac{};
};

/** Takes every frame that comes in at the interface, whoever it is for. */
Packet openPacket(const PacketOptions& options);

bool isPacket(int fd);
bool isLinks(int fd);

/** Whether the interface behind a packet socket is there, up or down. */
bool hasInterface(int packet);

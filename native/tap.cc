#include "tap.h"

#include "abi.h"
#include "error.h"
#include "netns.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

namespace {

// linux/if_tun.h of Linux 6.2; older headers do not have them.
constexpr unsigned USO4 = 0x20;
constexpr unsigned USO6 = 0x40;

constexpr unsigned TCP_OFFLOADS = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

/** A device bound for another namespace waits here under a name that is free. */
constexpr char PASSING_NAME[] = "sluice%d";

ifreq request(const std::string& name) {
  ifreq result{};
  if (name.empty() || name.size() >= sizeof result.ifr_name) {
    throw SystemError{"TUNSETIFF", name, name.empty() ? EINVAL : ENAMETOOLONG};
  }
  std::memcpy(result.ifr_name, name.c_str(), name.size());
  return result;
}

/** Returns the name that the kernel chose. */
std::string create(int fd, const std::string& name) {
  ifreq device = request(name);
  device.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (ioctl(fd, TUNSETIFF, &device) < 0) {
    // The kernel's EINVAL for a name that belongs to something else says nothing.
    if (errno == EINVAL && if_nametoindex(name.c_str()) != 0) errno = EEXIST;
    fail("TUNSETIFF", name);
  }
  return device.ifr_name;
}

std::string currentName(int fd) {
  ifreq device{};
  if (ioctl(fd, TUNGETIFF, &device) < 0) fail("TUNGETIFF", "tap");
  return device.ifr_name;
}

void setVnetHeader(const Tap& tap) {
  int bytes = abi::VNET_BYTES;
  if (ioctl(tap.fd.get(), TUNSETVNETHDRSZ, &bytes) < 0) fail("TUNSETVNETHDRSZ", tap.name);
}

void setOffloads(Tap& tap, bool isWanted) {
  const unsigned wanted = isWanted ? TCP_OFFLOADS : 0;
  const int fd = tap.fd.get();
  tap.hasUdpOffload = ioctl(fd, TUNSETOFFLOAD, TCP_OFFLOADS | USO4 | USO6) == 0;
  if (tap.hasUdpOffload && isWanted) return;
  if (ioctl(fd, TUNSETOFFLOAD, wanted) < 0) fail("TUNSETOFFLOAD", tap.name);
}

void setSendBuffer(const Tap& tap, int bytes) {
  if (ioctl(tap.fd.get(), TUNSETSNDBUF, &bytes) < 0) fail("TUNSETSNDBUF", tap.name);
}

int indexOf(const Fd& control, const std::string& name) {
  ifreq device = request(name);
  if (ioctl(control.get(), SIOCGIFINDEX, &device) < 0) fail("SIOCGIFINDEX", name);
  return device.ifr_ifindex;
}

void setMtu(const Fd& control, const std::string& name, int mtuBytes) {
  ifreq device = request(name);
  device.ifr_mtu = mtuBytes;
  if (ioctl(control.get(), SIOCSIFMTU, &device) < 0) fail("SIOCSIFMTU", name);
}

void setMac(const Fd& control, const std::string& name, const std::vector<uint8_t>& mac) {
  ifreq device = request(name);
  device.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(device.ifr_hwaddr.sa_data, mac.data(), mac.size());
  if (ioctl(control.get(), SIOCSIFHWADDR, &device) < 0) fail("SIOCSIFHWADDR", name);
}

void setUp(const Fd& control, const std::string& name) {
  ifreq device = request(name);
  if (ioctl(control.get(), SIOCGIFFLAGS, &device) < 0) fail("SIOCGIFFLAGS", name);
  device.ifr_flags |= IFF_UP;
  if (ioctl(control.get(), SIOCSIFFLAGS, &device) < 0) fail("SIOCSIFFLAGS", name);
}

} // namespace

Tap openTap(const TapOptions& options) {
  const bool moves = !options.netns.empty();
  const Fd netns = moves ? openNetns(options.netns) : Fd();
  request(options.name); // refuses a bad name before anything is made
  Tap tap;
  tap.fd = Fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!tap.fd.isOpen()) fail("open", "/dev/net/tun");
  tap.name = create(tap.fd.get(), moves ? PASSING_NAME : options.name);
  setVnetHeader(tap);
  setOffloads(tap, options.offload);
  if (options.sendBufferBytes != 0) setSendBuffer(tap, options.sendBufferBytes);
  if (moves) {
    // The device is made here and moved: one made over there would keep the namespace
    // alive, and we would never see it go.
    moveLink(indexOf(openControlSocket(-1), tap.name), netns.get(), options.name);
    tap.name = currentName(tap.fd.get());
  }
  const Fd control = openControlSocket(netns.get());
  tap.ifindex = indexOf(control, tap.name);
  if (!options.mac.empty()) setMac(control, tap.name, options.mac);
  if (options.mtuBytes != 0) setMtu(control, tap.name, options.mtuBytes);
  setUp(control, tap.name);
  return tap;
}

bool isTap(int fd) {
  ifreq device{};
  return ioctl(fd, TUNGETIFF, &device) == 0 || errno == EBADFD;
}

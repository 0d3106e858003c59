#include "netns.h"

#include "error.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <thread>

namespace {

/** RTM_SETLINK with two attributes: at most 4 bytes, and an interface name. */
struct MoveRequest {
  nlmsghdr header;
  ifinfomsg link;
  uint8_t attributes[RTA_SPACE(sizeof(int)) + RTA_SPACE(IFNAMSIZ)];
};

struct Reply {
  nlmsghdr header;
  nlmsgerr result;
};

void append(nlmsghdr& header, uint16_t type, const void* value, size_t bytes) {
  auto* end = reinterpret_cast<uint8_t*>(&header) + NLMSG_ALIGN(header.nlmsg_len);
  auto* attribute = reinterpret_cast<rtattr*>(end);
  attribute->rta_type = type;
  attribute->rta_len = RTA_LENGTH(bytes);
  std::memcpy(RTA_DATA(attribute), value, bytes);
  header.nlmsg_len = NLMSG_ALIGN(header.nlmsg_len) + RTA_SPACE(bytes);
}

/** Sends a request that asks for an acknowledgement; returns the kernel's errno. */
int ask(const nlmsghdr& request) {
  const Fd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!netlink.isOpen()) return errno;
  if (send(netlink.get(), &request, request.nlmsg_len, 0) < 0) return errno;
  Reply reply{};
  // The acknowledgement may carry the request behind the error: the rest is cut off.
  if (recv(netlink.get(), &reply, sizeof reply, 0) < 0) return errno;
  return reply.header.nlmsg_type == NLMSG_ERROR ? -reply.result.error : EPROTO;
}

} // namespace

Fd openNetns(const std::string& netns) {
  const bool isPath = netns.find('/') != std::string::npos;
  const std::string path = isPath ? netns : "/var/run/netns/" + netns;
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.isOpen()) fail("open", path);
  return fd;
}

void moveLink(int ifindex, int netnsFd, const std::string& name) {
  MoveRequest request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.link);
  request.header.nlmsg_type = RTM_SETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.link.ifi_index = ifindex;
  append(request.header, IFLA_NET_NS_FD, &netnsFd, sizeof netnsFd);
  append(request.header, IFLA_IFNAME, name.c_str(), name.size() + 1);
  const int error = ask(request.header);
  if (error != 0) throw SystemError{"RTM_SETLINK", name, error};
}

void inNetns(int netnsFd, const std::function<void()>& body) {
  if (netnsFd < 0) return body();
  // A thread enters the namespace and ends there. Nothing has to be restored, so no
  // failure can leave the caller in the wrong one.
  std::exception_ptr failure;
  std::thread([&] {
    try {
      if (setns(netnsFd, CLONE_NEWNET) < 0) fail("setns", "network namespace");
      body();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure != nullptr) std::rethrow_exception(failure);
}

Fd openControlSocket(int netnsFd) {
  Fd result;
  inNetns(netnsFd, [&] {
    result = Fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!result.isOpen()) fail("socket", "control");
  });
  return result;
}

bool isNetns(int fd) {
  struct statfs info;
  if (fstatfs(fd, &info) < 0 || info.f_type != NSFS_MAGIC) return false;
  return ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

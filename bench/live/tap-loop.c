/*
 * The yardstick: two TAP devices and the least a C program can do to join them. What one
 * says goes to the other, virtio header and all; no table, no counter, one epoll.
 *
 *   tap-loop NETNS-A NETNS-B SPIN-US    prints "ready"; ends when killed
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_BYTES = 65568, BURST = 64, VNET_BYTES = 10 };

static void check(int result, const char *what) {
  if (result >= 0) return;
  perror(what);
  exit(1);
}

static void enter(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  check(fd, path);
  check(setns(fd, CLONE_NEWNET), "setns");
  close(fd);
}

/* A device named eth0, up, in a namespace. */
static int openTap(const char *netns) {
  char path[256];
  snprintf(path, sizeof path, "/var/run/netns/%s", netns);
  enter(path);
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  check(fd, "/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  strcpy(request.ifr_name, "eth0");
  check(ioctl(fd, TUNSETIFF, &request), "TUNSETIFF");
  int headerBytes = VNET_BYTES;
  check(ioctl(fd, TUNSETVNETHDRSZ, &headerBytes), "TUNSETVNETHDRSZ");
  check(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6), "TUNSETOFFLOAD");
  int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  check(ioctl(s, SIOCGIFFLAGS, &request), "SIOCGIFFLAGS");
  request.ifr_flags |= IFF_UP;
  check(ioctl(s, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
  close(s);
  return fd;
}

static uint64_t nowNs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static char frames[BURST][FRAME_BYTES];
static ssize_t lengths[BURST];

static void move(int from, int to) {
  int count = 0;
  while (count < BURST && (lengths[count] = read(from, frames[count], FRAME_BYTES)) > 0) count++;
  for (int i = 0; i < count; i++) {
    if (write(to, frames[i], lengths[i]) < 0) continue; /* a full queue loses the frame */
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  uint64_t spinNs = strtoul(argv[3], NULL, 10) * 1000, last = 0;
  int taps[2] = {openTap(argv[1]), openTap(argv[2])};
  int poll = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < 2; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    check(epoll_ctl(poll, EPOLL_CTL_ADD, taps[i], &event), "epoll_ctl");
  }
  puts("ready");
  fflush(stdout);
  for (;;) {
    struct epoll_event events[2];
    int ready = epoll_wait(poll, events, 2, 0);
    while (ready == 0 && nowNs() - last < spinNs) ready = epoll_wait(poll, events, 2, 0);
    if (ready == 0) ready = epoll_wait(poll, events, 2, -1);
    if (ready > 0) last = nowNs();
    for (int i = 0; i < ready; i++) move(taps[events[i].data.u32], taps[!events[i].data.u32]);
  }
}

/*
 * UDP round trips, one at a time.
 *
 *   ping-pong server ADDRESS            answers for ever
 *   ping-pong client ADDRESS TRIPS      prints the median in nanoseconds
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 5300, WARM_UP = 200 };

static uint64_t nowNs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static int serve(int s, const struct sockaddr_in *self) {
  if (bind(s, (const struct sockaddr *)self, sizeof *self) < 0) return perror("bind"), 1;
  for (;;) {
    char byte;
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    if (recvfrom(s, &byte, 1, 0, (struct sockaddr *)&peer, &length) < 0) return 1;
    sendto(s, &byte, 1, 0, (struct sockaddr *)&peer, length);
  }
}

static int measure(int s, const struct sockaddr_in *server, int trips) {
  struct timeval patience = {.tv_usec = 200000};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(s, (const struct sockaddr *)server, sizeof *server) < 0) return perror("connect"), 1;
  uint64_t *times = calloc(trips, sizeof *times);
  int lost = 0;
  for (int i = -WARM_UP; i < trips;) {
    char byte = 1;
    uint64_t start = nowNs();
    send(s, &byte, 1, 0);
    if (recv(s, &byte, 1, 0) < 0) {
      if (++lost > 100) return fputs("no answer\n", stderr), 1;
      continue;
    }
    if (i >= 0) times[i] = nowNs() - start;
    i++;
  }
  qsort(times, trips, sizeof *times, compare);
  printf("%lu\n", (unsigned long)times[trips / 2]);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
  inet_pton(AF_INET, argv[2], &address.sin_addr);
  if (strcmp(argv[1], "server") == 0) return serve(s, &address);
  return argc < 4 ? 2 : measure(s, &address, atoi(argv[3]));
}

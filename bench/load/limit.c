// The limit of the machine: an SSE server without anything. One thread, epoll, frames encoded once, no state per
// connection but its socket, one write per connection and burst. What a hub in any language can hope for on this machine.
// Takes the same commands on stdin as the servers in ../servers.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 32 * 1024, TEXT = 4096, BATCH = 256 * 1024 };

static int epollFd, listener, commanded;
// With one topic everybody reads it; with many, topic t is read by the one stream that asked for it last.
static int streams[MOST], streamCount, byFd[MOST * 2], readerOf[MOST];
static char padding[256];

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int encode(char *into, long number) {
  return sprintf(into, "id: %ld\nevent: tick\ndata: {\"mark\":\"@@%ld:%lld@@\",\"padding\":\"%s\"}\n\n", number, number,
                 (long long)now(), padding);
}

static void put(int fd, const char *text, int length) {
  static int told;
  if (send(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT) != length && !told++) fprintf(stderr, "limit: a reader is full\n");
}

static void publish(long from, int burst, int topics) {
  static char batch[BATCH];
  if (topics <= 1) {
    int length = 0;
    for (int at = 0; at < burst; at++) length += encode(batch + length, from + at);
    for (int index = 0; index < streamCount; index++) put(streams[index], batch, length);
    return;
  }
  for (int at = 0; at < burst; at++) {
    long number = from + at;
    int length = encode(batch, number / topics);
    int fd = readerOf[number % topics];
    if (fd > 0) put(fd, batch, length);
  }
}

static void answer(int fd, char *text) {
  static const char *streaming =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\r\n: ready\n\n";
  if (!strncmp(text, "POST", 4)) {
    static long posts;
    publish(posts++, 1, 1);
    const char *created = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
    put(fd, created, strlen(created));
    return;
  }
  char *topic = strstr(text, "topic=t:");
  int number = topic ? atoi(topic + 8) : 0;
  byFd[fd] = streamCount + 1;
  if (number < MOST) readerOf[number] = fd;
  streams[streamCount++] = fd;
  put(fd, streaming, strlen(streaming));
}

static void leave(int fd) {
  int index = byFd[fd] - 1;
  if (index >= 0) {
    int last = streams[--streamCount];
    streams[index] = last;
    byFd[last] = index + 1;
    byFd[fd] = 0;
  }
  close(fd);
}

static void turn(int timeoutMs) {
  static struct epoll_event events[1024];
  static char text[TEXT];
  int ready = epoll_wait(epollFd, events, 1024, timeoutMs);
  for (int at = 0; at < ready; at++) {
    int fd = events[at].data.fd;
    if (fd == listener) {
      for (int taken; (taken = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        int one = 1;
        setsockopt(taken, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = taken};
        epoll_ctl(epollFd, EPOLL_CTL_ADD, taken, &event);
      }
    } else if (fd == STDIN_FILENO) {
      commanded = 1;
    } else {
      ssize_t got = recv(fd, text, TEXT - 1, 0);
      if (got <= 0) {
        if (got == 0 || errno != EAGAIN) leave(fd);
        continue;
      }
      text[got] = 0;
      answer(fd, text);
    }
  }
}

int main(void) {
  memset(padding, 'x', 120);
  epollFd = epoll_create1(0);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  bind(listener, (struct sockaddr *)&address, size);
  listen(listener, 65535);
  getsockname(listener, (struct sockaddr *)&address, &size);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(epollFd, EPOLL_CTL_ADD, listener, &event);
  event.data.fd = STDIN_FILENO;
  epoll_ctl(epollFd, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  printf("ready %d %d\n", ntohs(address.sin_port), getpid());
  fflush(stdout);
  static char line[256];
  for (;;) {
    turn(100);
    if (!commanded) continue;
    commanded = 0;
    ssize_t got = read(STDIN_FILENO, line, sizeof line - 1);
    if (got <= 0) return 0;
    line[got] = 0;
    long total;
    int burst, topics;
    double intervalMs;
    if (sscanf(line, "publish %ld %d %lf %d", &total, &burst, &intervalMs, &topics) != 4) continue;
    int64_t next = now();
    for (long number = 0; number < total;) {
      if (now() >= next) {
        publish(number, burst, topics);
        number += burst;
        next += (int64_t)(intervalMs * 1000000);
      }
      turn(intervalMs > 0 ? 1 : 0);
    }
    printf("done\n");
    fflush(stdout);
  }
}

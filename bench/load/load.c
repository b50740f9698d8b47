// The load client of the benchmarks: one thread, epoll, no allocation per event. It opens streams (SSE over HTTP/1.1, or
// socket.io over WebSocket), counts what arrives, checks that nothing is lost, repeated or out of order, and keeps
// latencies. It also posts in a closed loop and holds long polls. Commands come as lines on stdin, answers go to stdout
// as one line of JSON each, with the CPU time it took itself, so that a run shows that it was not the bottleneck.
//
// An event carries a mark somewhere in its text: @@<number>:<CLOCK_MONOTONIC ns at publish>@@. Numbers rise by one within
// what one connection receives. The server's sockets are only 127.0.0.1.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { CARRY = 64, BUFFER = 256 * 1024, SAMPLES = 20 * 1000 * 1000, LINE = 64 * 1024, REQUEST = 16 * 1024 };

typedef enum { CLOSED, CONNECTING, HEAD, BODY } State;

typedef struct {
  int fd;
  State state;
  uint8_t websocketReady;
  uint8_t carried;
  char carry[CARRY];
  int64_t beganAt;
  int64_t lastNumber;
  uint32_t received;
  // Only of posts and polls: how much of the answer is still to come.
  int64_t bodyLeft;
  uint16_t cursorLength;
  char *cursor;
} Connection;

typedef enum { STREAMS, SOCKET_IO, POSTS, POLLS } Mode;

static Mode mode;
static int port, epollFd, count, opened, failed, statusErrors;
static Connection *connections;
static char path[LINE], headers[LINE], bodyText[LINE];
static char buffer[BUFFER + CARRY];
static uint32_t *samples;
static size_t sampleCount;
static uint64_t total, outOfOrder, posted, postTarget, postsSent, bytesRead, closedByServer;
static uint32_t perConnection, complete;
static char resumeFrom[256];

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static double cpuSeconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void sample(int64_t nanoseconds) {
  if (sampleCount < SAMPLES) samples[sampleCount++] = nanoseconds < 0 ? 0 : (uint32_t)(nanoseconds / 1000);
}

static int compare(const void *one, const void *other) {
  uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
  return a < b ? -1 : a > b;
}

static double percentile(double fraction) {
  if (sampleCount == 0) return 0;
  return samples[(size_t)(fraction * (sampleCount - 1))] / 1000.0;
}

static void die(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

// A path may hold one %d, which becomes the number of the connection.
static int request(char *into, int index) {
  char target[LINE];
  snprintf(target, sizeof target, path, index);
  const Connection *connection = &connections[index];
  if (mode == SOCKET_IO) {
    return snprintf(into, REQUEST,
                    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                    target, port, headers);
  }
  if (mode == POSTS) {
    return snprintf(into, REQUEST,
                    "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n%s",
                    target, port, strlen(bodyText), headers, bodyText);
  }
  if (mode == POLLS) {
    // The first names no place: it is answered at once, with the cursor from which the next ones wait.
    char since[160] = "";
    if (connection->cursorLength)
      snprintf(since, sizeof since, "%ssince=%.*s", strchr(target, '?') ? "&" : "?", connection->cursorLength, connection->cursor);
    return snprintf(into, REQUEST, "GET %s%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: application/json\r\n%s\r\n", target,
                    since, port, headers);
  }
  char last[320] = "";
  if (resumeFrom[0]) snprintf(last, sizeof last, "Last-Event-ID: %s\r\n", resumeFrom);
  return snprintf(into, REQUEST, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\n%s%s\r\n", target, port,
                  headers, last);
}

static void sendRequest(int index) {
  char text[REQUEST];
  int length = request(text, index);
  if (length <= 0 || length >= REQUEST) die("request too long");
  if (send(connections[index].fd, text, length, MSG_NOSIGNAL) != length) failed++;
  connections[index].beganAt = now();
}

static void begin(int index) {
  Connection *connection = &connections[index];
  char *cursor = connection->cursor;
  memset(connection, 0, sizeof *connection);
  connection->cursor = cursor;
  connection->lastNumber = -1;
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (connection->fd < 0) die("socket");
  int one = 1;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  // Closing by reset: thousands of sockets in TIME_WAIT would stop the next run.
  struct linger linger = {1, 0};
  setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connection->state = CONNECTING;
  connection->beganAt = now();
  if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
    failed++;
    close(connection->fd);
    connection->state = CLOSED;
    return;
  }
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.u32 = (uint32_t)index};
  epoll_ctl(epollFd, EPOLL_CTL_ADD, connection->fd, &event);
}

static void watchInput(int index) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)index};
  epoll_ctl(epollFd, EPOLL_CTL_MOD, connections[index].fd, &event);
}

static void drop(int index, int byServer) {
  Connection *connection = &connections[index];
  if (connection->state == CLOSED) return;
  if (connection->state != BODY) failed++;
  if (byServer) closedByServer++;
  close(connection->fd);
  connection->state = CLOSED;
}

static void sendFrame(int index, const char *text) {
  uint8_t frame[128];
  size_t length = strlen(text);
  frame[0] = 0x81;
  frame[1] = 0x80 | length;
  memset(frame + 2, 0, 4);
  memcpy(frame + 6, text, length);
  send(connections[index].fd, frame, length + 6, MSG_NOSIGNAL);
}

static void becameReady(Connection *connection, int64_t at) {
  if (connection->state == BODY) return;
  connection->state = BODY;
  opened++;
  sample(at - connection->beganAt);
}

// Looks for marks; what may be the beginning of one at the end is carried over to the next read.
static void scan(Connection *connection, char *text, size_t length, int64_t at) {
  char *cursor = text, *end = text + length;
  connection->carried = 0;
  while (cursor < end) {
    char *mark = memchr(cursor, '@', end - cursor);
    if (!mark) return;
    char *reading = mark + 1;
    if (reading < end && *reading != '@') {
      cursor = reading;
      continue;
    }
    reading++;
    int64_t number = 0, stamp = 0;
    while (reading < end && *reading >= '0' && *reading <= '9') number = number * 10 + (*reading++ - '0');
    if (reading < end && *reading == ':') {
      reading++;
      while (reading < end && *reading >= '0' && *reading <= '9') stamp = stamp * 10 + (*reading++ - '0');
    }
    if (reading + 1 >= end) {
      size_t left = end - mark;
      if (left <= CARRY) {
        memcpy(connection->carry, mark, left);
        connection->carried = left;
      }
      return;
    }
    if (stamp > 0 && reading[0] == '@' && reading[1] == '@') {
      if (number <= connection->lastNumber) outOfOrder++;
      connection->lastNumber = number;
      connection->received++;
      total++;
      if (connection->received == perConnection) complete++;
      sample(at - stamp);
      cursor = reading + 2;
    } else {
      cursor = reading;
    }
  }
}

static void answered(int index, const char *text, size_t length) {
  Connection *connection = &connections[index];
  posted++;
  if (mode == POLLS) {
    const char *found = memmem(text, length, "\"cursor\":\"", 10);
    // The envelope of an event has no member of this name at its end; the poll's own comes last.
    for (const char *next = found; next; next = memmem(next + 1, length - (next + 1 - text), "\"cursor\":\"", 10)) found = next;
    const char *stop = found ? memchr(found + 10, '"', length - (found + 10 - text)) : NULL;
    if (stop && stop - found - 10 < 128) {
      if (!connection->cursor) connection->cursor = malloc(128);
      connection->cursorLength = stop - found - 10;
      memcpy(connection->cursor, found + 10, connection->cursorLength);
    }
    sendRequest(index);
  } else if (postsSent < postTarget) {
    postsSent++;
    sendRequest(index);
  }
}

static void takeAnswer(int index, char *text, size_t length, int64_t at) {
  Connection *connection = &connections[index];
  char *end = memmem(text, length, "\r\n\r\n", 4);
  char *declared = end ? strcasestr(text, "content-length:") : NULL;
  // Answers to posts and polls are small and come in one piece on loopback; one that does not is counted, not guessed at.
  if (!end || (!declared && !memmem(text, length, "0\r\n\r\n", 5))) {
    statusErrors++;
    return;
  }
  if (memcmp(text + 9, "20", 2) != 0) statusErrors++;
  size_t body = end + 4 - text;
  if (declared && (size_t)atoll(declared + 15) > length - body) {
    statusErrors++;
    return;
  }
  if (mode == POSTS) sample(at - connection->beganAt);
  else scan(connection, text + body, length - body, at);
  answered(index, text + body, length - body);
}

static void readable(int index) {
  Connection *connection = &connections[index];
  for (;;) {
    memcpy(buffer, connection->carry, connection->carried);
    ssize_t got = recv(connection->fd, buffer + connection->carried, BUFFER, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return drop(index, 1);
    if (got < 0) return;
    bytesRead += got;
    size_t length = connection->carried + got;
    buffer[length < BUFFER + CARRY ? length : length - 1] = 0;
    int64_t at = now();
    if (mode == POSTS || mode == POLLS) {
      if (connection->state != BODY) becameReady(connection, at), sampleCount -= sampleCount > 0;
      takeAnswer(index, buffer, length, at);
      return;
    }
    if (connection->state == HEAD) {
      if (mode == SOCKET_IO && !connection->websocketReady) {
        if (!memmem(buffer, length, "101", 3)) {
          statusErrors++;
          return drop(index, 1);
        }
        connection->websocketReady = 1;
        sendFrame(index, "40");
        return;
      }
      char *head = mode == SOCKET_IO ? NULL : memmem(buffer, length, "\r\n\r\n", 4);
      if (mode == SOCKET_IO) {
        if (!memmem(buffer, length, "40{", 3)) return;
      } else {
        if (length > 12 && memcmp(buffer + 9, "200", 3) != 0) {
          statusErrors++;
          return drop(index, 1);
        }
        if (!head) return;
      }
      becameReady(connection, at);
    }
    scan(connection, buffer, length, at);
    if (got < BUFFER) return;
  }
}

static void turn(int timeoutMs) {
  static struct epoll_event events[1024];
  int ready = epoll_wait(epollFd, events, 1024, timeoutMs);
  for (int at = 0; at < ready; at++) {
    int index = (int)events[at].data.u32;
    Connection *connection = &connections[index];
    if (connection->state == CLOSED) continue;
    if (connection->state == CONNECTING && (events[at].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error) {
        drop(index, 1);
        continue;
      }
      connection->state = HEAD;
      int64_t beganAt = connection->beganAt;
      if (mode != POSTS || postsSent < postTarget) {
        if (mode == POSTS) postsSent++;
        sendRequest(index);
      }
      if (mode == STREAMS || mode == SOCKET_IO) connection->beganAt = beganAt;
      watchInput(index);
      continue;
    }
    if (events[at].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) readable(index);
  }
}

static void reset(void) {
  sampleCount = total = outOfOrder = posted = bytesRead = 0;
  statusErrors = 0;
}

static void report(const char *what, int64_t beganAt, double cpuBefore) {
  qsort(samples, sampleCount, sizeof *samples, compare);
  printf("{\"%s\":%llu,\"open\":%d,\"failed\":%d,\"statusErrors\":%d,\"closedByServer\":%llu,\"outOfOrder\":%llu,\"bytes\":%llu,"
         "\"answers\":%llu,\"complete\":%u,\"ms\":%.1f,\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"max\":%.2f,\"clientCpuMs\":%.1f}\n",
         what, (unsigned long long)total, opened, failed, statusErrors, (unsigned long long)closedByServer,
         (unsigned long long)outOfOrder, (unsigned long long)bytesRead, (unsigned long long)posted, complete,
         (now() - beganAt) / 1e6, percentile(0.5), percentile(0.9), percentile(0.99), percentile(1),
         (cpuSeconds() - cpuBefore) * 1000);
  fflush(stdout);
}

// Opens connections, `inFlight` at a time, `perSecond` at most (0: as fast as they are taken), until all are ready.
static void openAll(int wanted, int inFlight, int perSecond, int timeoutMs) {
  int64_t beganAt = now(), deadline = beganAt + (int64_t)timeoutMs * 1000000;
  double cpu = cpuSeconds();
  reset();
  opened = failed = 0;
  closedByServer = 0;
  int started = 0;
  while (opened + failed < wanted && now() < deadline) {
    int64_t allowed = perSecond ? (now() - beganAt) * perSecond / 1000000000 + 1 : wanted;
    while (started < wanted && started < allowed && started - opened - failed < inFlight) begin(started++);
    turn(1);
  }
  report("received", beganAt, cpu);
}

static void expectEvents(uint32_t each, int timeoutMs) {
  reset();
  complete = 0;
  perConnection = each;
  for (int index = 0; index < count; index++) connections[index].received = 0;
  printf("{\"armed\":true}\n");
  fflush(stdout);
  int64_t beganAt = now(), deadline = beganAt + (int64_t)timeoutMs * 1000000;
  double cpu = cpuSeconds();
  while ((int)complete < opened - (int)closedByServer && now() < deadline) turn(5);
  report("received", beganAt, cpu);
}

static void closeAll(void) {
  for (int index = 0; index < count; index++) {
    if (connections[index].state != CLOSED) close(connections[index].fd);
    connections[index].state = CLOSED;
  }
}

static void allocate(int wanted) {
  closeAll();
  for (int index = 0; index < count; index++) free(connections[index].cursor);
  free(connections);
  count = wanted;
  connections = calloc(wanted, sizeof *connections);
  if (!connections) die("memory");
}

int main(void) {
  static char line[LINE], word[64];
  epollFd = epoll_create1(0);
  samples = malloc(sizeof *samples * SAMPLES);
  if (epollFd < 0 || !samples) die("start");
  while (fgets(line, sizeof line, stdin)) {
    int wanted, inFlight, perSecond, timeoutMs, at = 0;
    line[strcspn(line, "\n")] = 0;
    if (sscanf(line, "%63s %n", word, &at) < 1) continue;
    char *rest = line + at;
    if (!strcmp(word, "port")) port = atoi(rest);
    else if (!strcmp(word, "path")) snprintf(path, sizeof path, "%s", rest);
    else if (!strcmp(word, "body")) snprintf(bodyText, sizeof bodyText, "%s", rest);
    else if (!strcmp(word, "header")) {
      size_t length = strlen(headers);
      snprintf(headers + length, sizeof headers - length, "%s\r\n", rest);
    } else if (!strcmp(word, "noheaders")) headers[0] = 0;
    else if (!strcmp(word, "resume")) snprintf(resumeFrom, sizeof resumeFrom, "%s", rest);
    else if (!strcmp(word, "mode")) {
      mode = !strcmp(rest, "socket.io") ? SOCKET_IO : !strcmp(rest, "polls") ? POLLS : STREAMS;
    } else if (!strcmp(word, "open") && sscanf(rest, "%d %d %d %d", &wanted, &inFlight, &perSecond, &timeoutMs) == 4) {
      allocate(wanted);
      openAll(wanted, inFlight, perSecond, timeoutMs);
    } else if (!strcmp(word, "expect") && sscanf(rest, "%d %d", &wanted, &timeoutMs) == 2) expectEvents(wanted, timeoutMs);
    else if (!strcmp(word, "idle") && sscanf(rest, "%d", &timeoutMs) == 1) {
      int64_t beganAt = now();
      double cpu = cpuSeconds();
      reset();
      while (now() - beganAt < (int64_t)timeoutMs * 1000000) turn(10);
      report("received", beganAt, cpu);
    } else if (!strcmp(word, "storm") && sscanf(rest, "%d %d %d", &wanted, &inFlight, &timeoutMs) == 3) {
      // All cut at once; each comes back at a random moment within `inFlight` ms and is done when it has `wanted` events.
      int all = count;
      allocate(all);
      reset();
      opened = failed = 0;
      closedByServer = complete = 0;
      perConnection = wanted;
      int64_t beganAt = now(), deadline = beganAt + (int64_t)timeoutMs * 1000000;
      double cpu = cpuSeconds();
      int started = 0;
      while ((int)complete < all && now() < deadline) {
        int64_t due = inFlight ? (now() - beganAt) * all / ((int64_t)inFlight * 1000000) : all;
        while (started < all && started < due) begin(started++);
        turn(1);
      }
      report("received", beganAt, cpu);
    } else if (!strcmp(word, "post") && sscanf(rest, "%d %d %d", &wanted, &perSecond, &timeoutMs) == 3) {
      // `perSecond` is the number of posts here: a closed loop over `wanted` kept connections.
      Mode before = mode;
      mode = POSTS;
      allocate(wanted);
      reset();
      opened = failed = 0;
      postTarget = perSecond;
      postsSent = 0;
      int64_t beganAt = now(), deadline = beganAt + (int64_t)timeoutMs * 1000000;
      double cpu = cpuSeconds();
      for (int index = 0; index < wanted; index++) begin(index);
      while (posted + statusErrors + failed < postTarget && now() < deadline) turn(1);
      report("posted", beganAt, cpu);
      closeAll();
      mode = before;
    } else if (!strcmp(word, "close")) {
      closeAll();
      printf("{\"closed\":true}\n");
      fflush(stdout);
    } else if (!strcmp(word, "quit")) return 0;
    else {
      fprintf(stderr, "load: not a command: %s\n", line);
      return 2;
    }
  }
  return 0;
}

/* A clock that is wrong: loaded before libc, it shifts the time of day by CLOCK_AHEAD seconds. Clocks that measure
   durations stay as they are. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
  int failed = (int)syscall(SYS_clock_gettime, clock, time);
  const char *ahead = getenv("CLOCK_AHEAD");
  if (!failed && ahead && clock == CLOCK_REALTIME) time->tv_sec += atol(ahead);
  return failed;
}

/* Tells the time by each way of asking for it, again and again: "now" and ns since 1970 by clock_gettime, gettimeofday, time,
   and a raw system call, then CLOCK_MONOTONIC in ns. With an argument, a forked child tells it. */
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long ns(struct timespec at) { return at.tv_sec * 1000000000LL + at.tv_nsec; }

int main(int count, char **words) {
    struct timespec wall, raw, monotonic;
    struct timeval day;
    if (count > 1 && fork() > 0) return wait(NULL) < 0;
    puts("node is ready");
    for (;;) {
        clock_gettime(CLOCK_REALTIME, &wall);
        gettimeofday(&day, NULL);
        time_t seconds = time(NULL);
        syscall(SYS_clock_gettime, CLOCK_REALTIME, &raw);
        clock_gettime(CLOCK_MONOTONIC, &monotonic);
        printf("now %lld %lld %lld %lld %lld\n", ns(wall), (day.tv_sec * 1000000LL + day.tv_usec) * 1000LL,
               seconds * 1000000000LL, ns(raw), ns(monotonic));
        fflush(stdout);
        usleep(5000);
    }
}

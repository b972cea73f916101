/* Tells the time by each way of asking for it, again and again: "now" and ns since 1970 by clock_gettime, gettimeofday, time,
   and a raw system call, then CLOCK_MONOTONIC in ns. With "fork", a forked child tells it. With another word, a child becomes
   another program beside it: "serve" has a socket and runs, "hold" has a socket and waits for ever, "help" has none and runs. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long ns(struct timespec at) { return at.tv_sec * 1000000000LL + at.tv_nsec; }

static int beside(const char *how) {
    if (strcmp(how, "help") != 0 && socket(AF_INET, SOCK_STREAM, 0) < 0) return 1;
    if (strcmp(how, "hold") == 0) return pause();
    for (;;) usleep(5000);
}

int main(int count, char **words) {
    struct timespec wall, raw, monotonic;
    struct timeval day;
    if (count > 2) return beside(words[1]);
    if (count > 1 && strcmp(words[1], "fork") == 0) {
        if (fork() > 0) return wait(NULL) < 0;
    } else if (count > 1 && fork() == 0) {
        return execl("/proc/self/exe", words[0], words[1], "beside", NULL);
    }
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

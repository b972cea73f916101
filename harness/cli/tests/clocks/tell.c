/* Tells the time by each way of asking for it, again and again: "now" and ns since 1970 by clock_gettime, gettimeofday, time,
   and a raw system call; CLOCK_MONOTONIC, and the same by a raw system call; then CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC_RAW and
   CLOCK_BOOTTIME, all in ns; and how often one of these has gone back. With "steady", two threads ask for them without a pause. With
   "fork", a forked child tells it. With another word, a child becomes another program beside it: "serve" has a socket and
   runs, "hold" has a socket and waits for ever, "help" has none and runs. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const clockid_t never_back[4] = {CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME};
static atomic_long went_back;

static long long ns(struct timespec at) { return at.tv_sec * 1000000000LL + at.tv_nsec; }

static void *watch(void *unused) {
    long long last[4] = {0};
    for (;;) {
        for (int clock = 0; clock < 4; clock++) {
            struct timespec at;
            clock_gettime(never_back[clock], &at);
            if (ns(at) < last[clock]) went_back++;
            last[clock] = ns(at);
        }
    }
    return unused;
}

static int beside(const char *how) {
    if (strcmp(how, "help") != 0 && socket(AF_INET, SOCK_STREAM, 0) < 0) return 1;
    if (strcmp(how, "hold") == 0) return pause();
    for (;;) usleep(5000);
}

int main(int count, char **words) {
    struct timespec wall, raw, true_monotonic, at[4];
    struct timeval day;
    if (count > 2) return beside(words[1]);
    if (count > 1 && strcmp(words[1], "fork") == 0) {
        if (fork() > 0) return wait(NULL) < 0;
    } else if (count > 1 && strcmp(words[1], "steady") == 0) {
        for (int thread = 0; thread < 2; thread++) {
            pthread_t id;
            if (pthread_create(&id, NULL, watch, NULL) != 0) return 1;
        }
    } else if (count > 1 && fork() == 0) {
        return execl("/proc/self/exe", words[0], words[1], "beside", NULL);
    }
    puts("node is ready");
    for (;;) {
        clock_gettime(CLOCK_REALTIME, &wall);
        gettimeofday(&day, NULL);
        time_t seconds = time(NULL);
        syscall(SYS_clock_gettime, CLOCK_REALTIME, &raw);
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &true_monotonic);
        for (int clock = 0; clock < 4; clock++) clock_gettime(never_back[clock], &at[clock]);
        printf("now %lld %lld %lld %lld %lld %lld %lld %lld %lld %ld\n", ns(wall),
               (day.tv_sec * 1000000LL + day.tv_usec) * 1000LL, seconds * 1000000000LL, ns(raw), ns(at[0]),
               ns(true_monotonic), ns(at[1]), ns(at[2]), ns(at[3]), atomic_load(&went_back));
        fflush(stdout);
        usleep(5000);
    }
}

// floor < pairs: the least a relay in user space can do. A line "one other" is a
// call between two ports, answered with the line "in out" of the ports that serve
// them: what comes to port in from port one leaves by port out to port other, and
// back. One thread, one epoll set, connected sockets, one recv and one send for each
// packet, nothing looked at.
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <unistd.h>

enum { MAX_SOCKETS = 8192, LIFE = 1200 };

static int sockets[MAX_SOCKETS];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int open_socket(int remote) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) fail("socket");
    if (bind(fd, (struct sockaddr *)&a, sizeof a)) fail("bind");
    a.sin_port = htons(remote);
    if (connect(fd, (struct sockaddr *)&a, sizeof a)) fail("connect");
    return fd;
}

static int port_of(int fd) {
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &n)) fail("getsockname");
    return ntohs(a.sin_port);
}

int main(void) {
    int one, other, n = 0, epoll = epoll_create1(0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(LIFE);
    while (n + 1 < MAX_SOCKETS && scanf("%d %d", &one, &other) == 2) {
        sockets[n] = open_socket(one);
        sockets[n + 1] = open_socket(other);
        for (int i = n; i < n + 2; i++) {
            struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
            if (epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[i], &e)) fail("epoll_ctl");
        }
        printf("%d %d\n", port_of(sockets[n]), port_of(sockets[n + 1]));
        n += 2;
    }
    fflush(stdout);
    static char b[2048];
    struct epoll_event ready[256];
    for (;;) {
        int k = epoll_wait(epoll, ready, 256, -1);
        for (int i = 0; i < k; i++) {
            int from = ready[i].data.u32;
            ssize_t l = recv(sockets[from], b, sizeof b, MSG_DONTWAIT);
            if (l > 0) send(sockets[from ^ 1], b, l, MSG_DONTWAIT);
        }
    }
}

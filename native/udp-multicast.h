/** Groups: which interface they are joined on, and sent to. */
#pragma once

#include "address.h"

/** The interface in this thread's namespace that has an address; 0 if there is none. */
int ifindexOf(const SocketAddress& address);

bool isGroup(const SocketAddress& address);

/** Receives what is sent to a group on an interface. Throws. */
void joinGroup(int fd, const SocketAddress& group, int ifindex);

/** Datagrams to groups leave there, and do not come back to this host. */
void setGroupInterface(int fd, int family, int ifindex);

#include "detached_thread.h"

#include <pthread.h>
#include <signal.h>

#include "../kernel/system_calls.h"

namespace ktls {

// pthread_create(3): a new thread inherits the signal mask, so a signal for the process never interrupts a transfer nor
// runs a handler here; the SIGPIPE that sendfile(2) raises, unlike send(2) with MSG_NOSIGNAL, stays pending for ever.
int StartDetachedThread(void* (*main)(void*), void* argument) {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error) return -error;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);

  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  error = system_calls.create_thread(&thread, &attributes, main, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return -error;
}

}  // namespace ktls

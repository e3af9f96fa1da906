#include "child_process.h"

#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace masr::cli {
namespace {

std::atomic<pid_t> child_to_signal{0};  // a signal handler can reach nothing else

void PassOn(int signal) {
  const int error = errno;
  if (const pid_t child = child_to_signal.load()) kill(child, signal);
  errno = error;
}

[[noreturn]] void BeChild(pid_t parent, const std::function<int()>& work) {
  setpgid(0, 0);
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) raise(SIGTERM);  // it was dead before that
#else
  (void)parent;
#endif
  int code = 1;
  try {
    code = work();
  } catch (const std::exception& error) {  // memory: nothing of the parent's is to be undone here
    std::fprintf(stderr, "mobileasr: %s\n", error.what());
  }
  std::fflush(nullptr);
  std::_Exit(code);
}

}  // namespace

int WaitFor(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

Result<int> RunInChild(const std::function<int()>& work) {
  sigset_t stops;
  sigset_t mask_before;
  sigemptyset(&stops);
  sigaddset(&stops, SIGINT);
  sigaddset(&stops, SIGTERM);
  // What arrives while the handlers change hands waits.
  sigprocmask(SIG_BLOCK, &stops, &mask_before);
  std::fflush(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    sigprocmask(SIG_SETMASK, &mask_before, nullptr);
    BeChild(parent, work);
  }
  if (child < 0) {
    sigprocmask(SIG_SETMASK, &mask_before, nullptr);
    return Fail(ErrorCode::kIo, "cannot start another process; end some, and try again");
  }
  child_to_signal = child;
  struct sigaction pass_on {};
  struct sigaction on_interrupt {};
  struct sigaction on_terminate {};
  pass_on.sa_handler = PassOn;
  sigaction(SIGINT, &pass_on, &on_interrupt);
  sigaction(SIGTERM, &pass_on, &on_terminate);
  sigprocmask(SIG_SETMASK, &mask_before, nullptr);

  // Its number stays its own until waitpid has taken its status.
  siginfo_t ended;
  while (waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  child_to_signal = 0;
  sigaction(SIGINT, &on_interrupt, nullptr);
  sigaction(SIGTERM, &on_terminate, nullptr);
  return WaitFor(child);
}

}  // namespace masr::cli

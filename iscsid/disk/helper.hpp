#pragma once

#include "iscsid/disk/kernel/fields.hpp"
#include "iscsid/os/descriptor.hpp"
#include "iscsid/os/descriptor_reserve.hpp"

#include "libiscsi/base/result.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace iscsid::disk {

// Where the helper's stderr goes: to that of the daemon, or, where that is somebody else's who
// waits for its end, to /dev/null. Its stdin and stdout are /dev/null.
enum class helper_words : std::uint8_t { to_stderr, to_nobody };

// The process that makes the calls which wait for the daemon's own disks (iscsid/disk/kernel). The
// daemon must not: a thread that hangs in the kernel keeps the process of a killed daemon, and with
// it /dev/fuse, /dev/ublkcN and the socket of an nbd device, and then the kernel waits for a server
// that will never answer again, and with it whoever touches that disk or some others.
//
// Any thread may ask, several at the same time. A helper that has ended is started again by the
// next question.
class helper {
  public:
    // Starts the program. What is open then stays open: an upgrade of the package does not change
    // what runs later. `disks_folder`: of the mounts of FUSE disks, locked as long as the daemon
    // lives; what a dead daemon leaves there the helper lets go of. Faults: helper_failed.
    static iscsi::result<std::unique_ptr<helper>> start(
        const std::string& program,
        helper_words where = helper_words::to_stderr,
        std::string disks_folder = {}
    );
    ~helper();
    helper(const helper&) = delete;
    helper& operator=(const helper&) = delete;
    helper(helper&&) = delete;
    helper& operator=(helper&&) = delete;

    // How long a question may take. When the time is over `when_over` is called, on the thread that
    // asks: it makes the kernel end the call, with an error. What has not ended some seconds after
    // that is given up.
    struct limit {
        std::chrono::milliseconds time;
        std::function<void()> when_over{};
    };

    struct answer {
        iscsi::result<fields> results; // faults: no_answer, helper_failed, those of the operation
        bool was_late = false;         // it came, or did not, after `when_over`
    };

    // Waits. `socket` goes along for the operation.
    answer ask(const fields& request, const limit& time, int socket = -1);

    // The same, for what has no results.
    iscsi::result<void> order(const fields& request, const limit& time, int socket = -1);

    // The same in two steps, for several questions at a time: the descriptor becomes readable when
    // the reply is there, or the process has ended. Closing it gives the question up.
    iscsi::result<os::descriptor> begin_order(const fields& request);
    static iscsi::result<void> end_order(const os::descriptor& from, const fields& request);

    // The process that serves now, for tests.
    pid_t process() const;

  private:
    helper(os::descriptor program, helper_words where, std::string disks_folder)
        : program_(std::move(program)), words_(where), disks_folder_(std::move(disks_folder)) {}

    iscsi::result<void> begin();
    void end();
    iscsi::result<void> send(const std::string& message, int reply, int socket);
    answer ask_once(const fields& request, const limit& time, int socket);
    iscsi::result<os::descriptor> begin_question(const fields& request, int socket);

    const os::descriptor program_;
    const helper_words words_;
    const std::string disks_folder_;
    os::descriptor_reserve reserve_; // for replies: what was begun must be undone
    mutable std::mutex guard_;       // of what follows
    os::descriptor server_;          // the socket to it
    pid_t process_ = 0;              // 0: none
};

// Where the helper of the running program is: in its own folder (a build tree) or under libexec
// beside it (an installation). Faults: helper_failed.
iscsi::result<std::string> find_helper();

} // namespace iscsid::disk

#pragma once

#include "iscsiadm/ipc/socket_client.hpp"

#include "libiscsi/admin/config.hpp"

#include <optional>
#include <string>
#include <vector>

namespace iscsi::start {

// What the daemon of the initramfs is started with.
struct daemon_wish {
    std::filesystem::path config_file;
    std::string initiator_name;
    int debug = 0;
};

// Why there is no daemon that could be used, for people.
struct complaint {
    std::string line;
};

// Makes result::value() usable in tests.
[[noreturn]] void
throw_exception_from_error(const complaint& error, const boost::source_location& where);

template <class Value>
using outcome = boost::system::result<Value, complaint>;

// The daemon that serves what iscsistart logs in to: an iscsid of its own in the boot folder (see
// admin::locations), which goes on when iscsistart has ended.
class boot_daemon {
  public:
    // `where` outlives it.
    explicit boot_daemon(const admin::locations& where);

    // The settings that the daemon gets: those of the file, and what a boot needs.
    static std::string settings_of(const std::string& config_file);

    // Whether it is there, or can be started: waits for one that is just ending. Complaints: iscsid
    // of the real system runs; one does not end.
    outcome<void> make_way();

    // Starts it, unless one is there; after make_way(). Complaints: it does not start.
    outcome<void> start(const daemon_wish& wish);

    // What it serves, and what it is logging in to; nothing when there is none. Empty: nobody
    // knows, for another iscsid works with the folder.
    std::optional<std::vector<admin::session_info>> sessions();

    // Whether its disks will be there after the initramfs: those of ublk and nbd. `named`: the
    // driver of iscsid.conf; one that is named and ends is taken, with a warning (else "").
    outcome<std::string> outlives_initramfs(const std::string& named);

    cli::socket_client& client() { return client_; }

    // Ends it when it serves nothing, and waits for its end. For who is its last user.
    outcome<void> give_up();

  private:
    outcome<void> prepare(const daemon_wish& wish) const;
    outcome<void> run(const daemon_wish& wish) const;

    const admin::locations& where_;
    cli::socket_client client_;
};

} // namespace iscsi::start

#pragma once

#include "iscsid/compat/sysfs_order.hpp"
#include "iscsid/os/descriptor.hpp"

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/result.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <linux/fuse.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace iscsid::compat {

// What a write asks for, and how it ended: 0, or errno. Called on the control thread; `done` once,
// there, whenever it is done.
using acting_handler = std::function<
    void(const acting_file& file, std::string written, std::function<void(int)> done)>;

// The folder of the acting files: a FUSE file system of one level, whose files can be written and
// nothing else. A write ends when what it asks for has ended, or when a signal ends the wait, which
// does not end the work. Lives on the control thread, which must never look into the folder itself.
// What the kernel once asked of a name it need not ask again, so that looking at the files waits
// for nobody. When the daemon is killed all their users get ENOTCONN at once.
class acting_mount : public std::enable_shared_from_this<acting_mount> {
  public:
    // On an empty folder that is there. Faults: no_fuse, mount_failed.
    static iscsi::result<std::shared_ptr<acting_mount>> make(
        const boost::asio::any_io_executor& control,
        const std::filesystem::path& where,
        const std::string& source,
        acting_handler handler
    );

    // A name that comes back means the same file as before: the kernel may remember it.
    void add(const acting_file& file);
    void remove(const acting_file& file);

    // All files of a session, whose names never come back.
    void forget(std::uint32_t sid);

    // Ends the connection: whoever waits gets ENOTCONN. The mount goes with the cover that it is
    // on.
    void stop();

  private:
    struct known_file {
        acting_file file;
        bool is_there = true;
    };

    acting_mount(const boost::asio::any_io_executor& control, acting_handler handler);
    iscsi::result<void> mount_on(const std::filesystem::path& where, const std::string& source);
    void wait_for_request();
    void take_requests();
    void serve(const fuse_in_header& request, iscsi::bytes_view body);
    void serve_lookup(const fuse_in_header& request, iscsi::bytes_view body);
    void serve_open(const fuse_in_header& request, iscsi::bytes_view body);
    void serve_write(const fuse_in_header& request, iscsi::bytes_view body);
    void serve_directory(const fuse_in_header& request, iscsi::bytes_view body);
    void serve_interrupt(iscsi::bytes_view body);
    void answer(std::uint64_t unique, iscsi::bytes_view body = {});
    void refuse(std::uint64_t unique, int error);
    void reply(std::uint64_t unique, int error, iscsi::bytes_view body);
    const known_file* find(std::uint64_t node) const;

    boost::asio::posix::stream_descriptor device_;
    acting_handler handler_;
    std::vector<std::byte> room_;
    std::map<std::string, std::uint64_t> nodes_; // by name
    std::map<std::uint64_t, known_file> files_;  // by node
    std::uint64_t next_node_ = FUSE_ROOT_ID + 1;
    std::map<std::uint64_t, std::uint32_t> writes_; // under way: their sizes
};

} // namespace iscsid::compat

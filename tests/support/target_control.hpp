#pragma once

#include "tests/support/fault_injector.hpp"
#include "tests/support/memory_target.hpp"
#include "tests/support/target_server.hpp"

#include <boost/asio/local/stream_protocol.hpp>

#include <sstream>
#include <string>

// clang-format off
// What can be said to a target while it runs, a line each; the answer is "ok", a number, or
// "error: …". `test-target --tell SOCKET LINE` says it.
//
//   fault LINE              one more line of the fault script (fault_script.hpp)
//   forget                  no faults any more
//   held                    how many commands are held
//   release                 answers what is held, and forgets the faults that hold
//   commands [0x35]         how many commands came, of this operation code
//   task-management         how many task management requests came
//   rate BYTES              a second, for each direction; 0: no limit
//   silent-task-management on|off
//   refuse CLASS DETAIL     every login, with this status; `accept` ends it
//   drop                    all connections
//
//   lun N add [MIB]         a new disk              lun N remove
//   lun N size MIB          another capacity        lun N serial TEXT     another disk
//   lun N cache on|off      WCE                     lun N caching-page on|off
//   lun N thin on|off       provisioning            lun N zeroes on|off   LBPRZ
//   lun N read-only on|off                          lun N longest BLOCKS  a transfer
//   lun N flushes on|off    takes SYNCHRONIZE CACHE
//   lun N offline [SENSE]   answers with it, 0x020403 (not ready) if none is given
//   lun N online
//   lun N hang on|off       holds all commands
//   lun N delay MS          before each answer      lun N one-by-one on|off
//   lun N attention SENSE   0xKKAACC: key, code, qualifier
//   lun N reserved no|writes|all   by another initiator: RESERVATION CONFLICT
//
// A change raises the unit attention that belongs to it, unless the line ends with "quietly".
// clang-format on
namespace iscsi::test {

class target_control {
  public:
    // All of them must outlive it. `fresh` is what an added disk is like.
    struct parts {
        memory_target& target;
        target_server& server;
        fault_injector& faults;
        disk_options fresh;
    };

    explicit target_control(parts with) : with_(std::move(with)) {}

    // One line; throws nothing.
    std::string obey(const std::string& line);

  private:
    std::string perform(std::istringstream& words);
    void refuse(const std::string& status_class, std::istringstream& words);
    std::string change_unit(std::istringstream& words);
    bool change_disk(std::uint16_t lun, const std::string& what, const std::string& value);
    bool change_condition(std::uint16_t lun, const std::string& what, const std::string& value);
    bool change_list(std::uint16_t lun, const std::string& what, const std::string& value);
    void tell_change(std::uint16_t lun, const sense_code& what);
    void release();
    std::size_t held();

    parts with_;
    bool quietly_ = false;
};

// Listens on a unix socket: a line in, a line out, and the connection ends.
class control_socket {
  public:
    // Throws boost::system::system_error.
    control_socket(
        boost::asio::io_context& context, const std::string& path, target_control& control
    );

  private:
    using protocol = boost::asio::local::stream_protocol;

    void accept_next();
    void serve(std::shared_ptr<protocol::socket> client);

    target_control& control_;
    protocol::acceptor acceptor_;
};

// The other end. Throws boost::system::system_error.
std::string tell_target(const std::string& path, const std::string& line);

} // namespace iscsi::test

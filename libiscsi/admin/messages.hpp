#pragma once

#include "libiscsi/admin/exit_code.hpp"
#include "libiscsi/admin/message_errc.hpp"
#include "libiscsi/admin/record.hpp"
#include "libiscsi/base/result.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What iscsiadm and iscsid say to each other over Varlink (interface org.iscsi-userland.iscsid,
// file libiscsi/admin/org.iscsi-userland.iscsid.varlink). Each struct is one type of that file;
// to_json and from_json are its two directions. from_json refuses what the type does not allow.
namespace iscsi::admin {

// Incompatible changes get another name, so that an old client is told "no such interface" and not
// something half right.
inline constexpr std::string_view interface_name = "org.iscsi-userland.iscsid";

// Login(nodes, wait, additional, keep_trying): replies with `more`, one per node and session, in
// the order they end.
struct login_request_message {
    std::vector<node_id> nodes;
    bool wait = true;
    bool additional = false;  // one session more than there are, whatever the record says
    bool keep_trying = false; // until it succeeds, also when nobody waits any more
};

struct login_progress {
    std::uint32_t index = 0; // of the node in the request
    exit_code code = exit_code::success;
    std::string detail; // for people: why it failed
    std::uint32_t sid = 0;

    // One line each, for stderr: what is not as it should be although the login succeeded, such as
    // a LUN that does not answer.
    std::vector<std::string> warnings{};
    bool needless = false; // its target has a session through another portal (leading_login)

    // As `warnings`, of what is as it should be and good to know: only for people.
    std::vector<std::string> notes{};
};

// ListKeptLogins() and EndKeptLogins(nodes): one reply each, with the logins that the daemon tries
// until they succeed, or with those that it tries no more.
struct kept_login {
    node_id node;
    std::uint64_t age = 0;   // seconds since it was asked for
    std::uint32_t tries = 0; // that have failed
    std::string reason;      // of the last, empty: none has ended yet
};

struct kept_logins_message {
    std::vector<kept_login> logins;
};

struct end_kept_logins_request_message {
    std::vector<node_id> nodes;
};

// Logout(sids): replies with `more`, one per session.
struct logout_request_message {
    std::vector<std::uint32_t> sids;
};

struct logout_progress {
    std::uint32_t sid = 0;
    exit_code code = exit_code::success;
    std::string detail;
    std::vector<std::string> warnings{}; // as in login_progress
};

// Rescan(sids): replies with `more`, one per session.
struct rescan_request_message {
    std::vector<std::uint32_t> sids;
};

struct rescan_progress {
    std::uint32_t sid = 0;
    exit_code code = exit_code::success;
    std::string detail;
    std::vector<std::string> warnings{}; // as in login_progress
};

// FailIo(sids): replies with `more`, one per session.
struct fail_io_request_message {
    std::vector<std::uint32_t> sids;
};

struct fail_io_progress {
    std::uint32_t sid = 0;
    exit_code code = exit_code::success;
    std::string detail;
    std::vector<std::string> warnings{}; // as in login_progress
    std::uint64_t commands = 0;          // that have waited for a connection and have failed now
};

// ChangeSession(sid, keys): the session takes over what its node record says of these keys.
struct change_session_request_message {
    std::uint32_t sid = 0;
    std::vector<std::string> keys;
};

struct change_session_answer_message {
    exit_code code = exit_code::success;
    std::string detail;
    std::vector<std::string> now{};      // keys whose values hold from now on
    std::vector<std::string> at_login{}; // from the next login of this session on
    std::vector<std::string> later{};    // only another session takes them
};

// AttachLun(sids, lun) and DetachLun(sids, lun): replies with `more`, one per session.
struct lun_request_message {
    std::vector<std::uint32_t> sids;
    std::uint64_t lun = 0; // as Linux counts
};

struct lun_progress {
    std::uint32_t sid = 0;
    exit_code code = exit_code::success;
    std::string detail;
    std::vector<std::string> warnings{}; // as in login_progress
    std::string disk{};                  // that it is now or was until now, "" without one
    bool changed = false;                // else it was done already
};

// So many requests took less than that, and no less than the bound of the bucket before: a quarter
// of a power of two less. The last bucket, of 2^30 us, has what took longer as well.
struct latency_bucket {
    std::uint64_t below_us = 0;
    std::uint64_t count = 0;
};

// The requests of one kind to a LUN, since the session was made.
struct io_figures {
    std::string kind; // "read", "write", "flush", "discard"
    std::uint64_t in_flight = 0;
    std::uint64_t requests = 0;              // that have ended
    std::uint64_t failed = 0;                // of them, with an error
    std::uint64_t bytes = 0;                 // of those that went well
    std::vector<latency_bucket> latencies{}; // rising; those that are not empty
    std::optional<std::uint64_t> time_us{};  // from submission to end, of all that have ended
};

// PersistentReserve(sid, lun, verb, key, new_key, victim_key, type): one reply. Keys and types are
// the words of reservation_words.hpp; empty: none.
struct reserve_request_message {
    std::uint32_t sid = 0;
    std::uint64_t lun = 0;
    std::string verb;
    std::string key;
    std::string new_key;
    std::string victim_key;
    std::string type;
};

// An initiator that has registered.
struct reservation_registrant {
    std::string key;
    bool holder = false;
    std::string type; // of the reservation, for a holder
    bool all_target_ports = false;
    std::uint16_t target_port = 0;
    std::string initiator;
};

// What came of it; the members below `detail` are those that the verb asks for.
struct reserve_answer_message {
    exit_code code = exit_code::success;
    bool unknown = false; // whether it was done
    std::string detail;   // for people: why it failed
    std::optional<std::uint32_t> generation;
    std::vector<std::string> keys;
    std::string reservation_key;  // empty: nobody holds one
    std::string reservation_type; // the same
    std::vector<std::string> capabilities;
    std::vector<std::string> types; // that the target knows, if it tells
    std::vector<reservation_registrant> registrants;
};

// All that is known of a LUN. Texts of the target are printable ASCII here.
struct lun_details {
    std::uint64_t lun = 0; // as Linux counts
    std::string kind;      // "direct access block device", empty: not known
    std::string vendor, product, revision, wwid;
    std::uint64_t size = 0;         // bytes; 0: not known, and so are all below but the last three
    std::uint32_t block_size = 0;   // bytes
    bool thin = false;              // LBPME
    bool write_cache = false;       // WCE
    bool write_cache_known = false; // it has told
    bool read_only = false;
    std::string state; // "running"
    std::string why;   // of the state, if it needs a reason
    std::string disk;  // under /dev, empty without one
};

// DescribeLuns(sids): replies with `more`, one per session.
struct describe_luns_request_message {
    std::vector<std::uint32_t> sids;
};

struct luns_progress {
    std::uint32_t sid = 0;
    exit_code code = exit_code::success;
    std::string detail;
    std::vector<std::string> warnings{}; // as in login_progress
    std::vector<lun_details> luns{};     // by number
};

// One LUN of a session as the daemon sees it now.
struct attached_lun {
    std::uint64_t lun = 0;
    std::string disk; // "loop3", empty when it has no disk
    std::string state = "running";
    std::vector<io_figures> io{}; // of each kind, if it was asked for
    // Commands that the session has, sent or kept for a connection; if io was asked for.
    std::optional<std::uint64_t> commands{};
};

// One counter of `-m session -s`, by open-iscsi's name of it, or one of our own.
struct session_counter {
    std::string name;
    std::uint64_t value = 0;
};

// ListSessions(sid?, io): one reply with all sessions, or with the one that was asked for.
struct list_sessions_request_message {
    std::optional<std::uint32_t> sid;
    bool io = false; // with attached_lun::io
};

// Everything that `-m session -P 3` prints. No secret is ever in it.
struct session_info {
    std::uint32_t sid = 0;
    node_id node;                // the persistent portal, with the interface's name
    std::string current_address; // may differ after a redirect
    std::uint16_t current_port = 3260;
    int group_tag = -1;
    std::string initiator_name;
    std::string interface_address; // our end of the connection
    std::string connection_state;  // "LOGGED IN"
    std::string session_state;     // "LOGGED_IN"
    std::string internal_state;    // "NO CHANGE"
    bool login_pending = false;    // it has never been up; another Login joins this one
    bool logout_pending = false;   // it is on its way out; a Login waits for that
    int recovery_timeout = 0, target_reset_timeout = 0, lun_reset_timeout = 0, abort_timeout = 0;
    std::string username, username_in;
    std::string header_digest, data_digest; // "None", "CRC32C"
    std::uint32_t max_recv_data_segment_length = 0, max_xmit_data_segment_length = 0;
    std::uint32_t first_burst_length = 0, max_burst_length = 0;
    bool immediate_data = false, initial_r2t = false;
    std::uint16_t max_outstanding_r2t = 0;
    std::uint32_t host_number = 0;
    std::vector<attached_lun> luns;
    std::vector<session_counter> statistics{}; // in open-iscsi's order
    // Ours, if io was asked for: logins, abort_task, logical_unit_reset, target_warm_reset.
    std::vector<session_counter> events{};
};

struct list_sessions_message {
    std::vector<session_info> sessions;
};

// Discover(address, port, use_record, interface, type): replies with `more`: progress lines for
// stderr (what open-iscsi prints while it retries), then the answer.
struct discover_request_message {
    std::string address;
    std::uint16_t port = 3260;
    bool use_record = true; // false: the template of iscsid.conf, no discovery record is read
    std::string interface;  // by whose initiator name and network device, empty: the daemon's
    std::string type{};     // "isns": an iSNS server is asked; empty: a portal
};

// One line of an answer: a target with one of its portals.
struct discovered_portal {
    std::string target;
    std::string address;
    std::uint16_t port = 3260;
    int group_tag = -1;
};

struct discover_progress {
    std::vector<std::string> notes; // "cannot make connection to 127.0.0.1: …"
    bool finished = false;          // the fields below hold
    exit_code code = exit_code::success;
    std::vector<discovered_portal> portals; // in the order of the target's answer
};

// Stop(): the daemon logs out and ends. Status(): version, driver, ring, counts.
struct daemon_status {
    std::string version;
    std::string disk_driver;
    std::string ring;
    std::uint32_t sessions = 0;
    std::string initiator_name;
};

boost::json::object to_json(const node_id&);
boost::json::object to_json(const login_request_message&);
boost::json::object to_json(const login_progress&);
boost::json::object to_json(const kept_login&);
boost::json::object to_json(const kept_logins_message&);
boost::json::object to_json(const end_kept_logins_request_message&);
boost::json::object to_json(const logout_request_message&);
boost::json::object to_json(const logout_progress&);
boost::json::object to_json(const rescan_request_message&);
boost::json::object to_json(const rescan_progress&);
boost::json::object to_json(const fail_io_request_message&);
boost::json::object to_json(const fail_io_progress&);
boost::json::object to_json(const change_session_request_message&);
boost::json::object to_json(const change_session_answer_message&);
boost::json::object to_json(const lun_request_message&);
boost::json::object to_json(const lun_progress&);
boost::json::object to_json(const reserve_request_message&);
boost::json::object to_json(const reserve_answer_message&);
boost::json::object to_json(const describe_luns_request_message&);
boost::json::object to_json(const lun_details&);
boost::json::object to_json(const luns_progress&);
boost::json::object to_json(const list_sessions_request_message&);
boost::json::object to_json(const latency_bucket&);
boost::json::object to_json(const io_figures&);
boost::json::object to_json(const session_counter&);
boost::json::object to_json(const session_info&);
boost::json::object to_json(const list_sessions_message&);
boost::json::object to_json(const discover_request_message&);
boost::json::object to_json(const discover_progress&);
boost::json::object to_json(const daemon_status&);

// T: one of the types above. Members with a default in the interface file may be missing. Faults:
// message_errc, naming the member.
template <class T>
result<T> from_json(const boost::json::object& from);

// The text of the interface file, for GetInterfaceDescription.
// Varlink clients in other languages make their types of it.
std::string_view interface_description();

} // namespace iscsi::admin

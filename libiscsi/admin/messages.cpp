#include "libiscsi/admin/messages.hpp"

#include "libiscsi/admin/message_members.hpp"

namespace iscsi::admin {

boost::json::object to_json(const node_id& from) {
    return write_members(from);
}

boost::json::object to_json(const login_request_message& from) {
    return write_members(from);
}

boost::json::object to_json(const login_progress& from) {
    return write_members(from);
}

boost::json::object to_json(const kept_login& from) {
    return write_members(from);
}

boost::json::object to_json(const kept_logins_message& from) {
    return write_members(from);
}

boost::json::object to_json(const end_kept_logins_request_message& from) {
    return write_members(from);
}

boost::json::object to_json(const logout_request_message& from) {
    return write_members(from);
}

boost::json::object to_json(const logout_progress& from) {
    return write_members(from);
}

boost::json::object to_json(const rescan_request_message& from) {
    return write_members(from);
}

boost::json::object to_json(const rescan_progress& from) {
    return write_members(from);
}

boost::json::object to_json(const fail_io_request_message& from) {
    return write_members(from);
}

boost::json::object to_json(const fail_io_progress& from) {
    return write_members(from);
}

boost::json::object to_json(const change_session_request_message& from) {
    return write_members(from);
}

boost::json::object to_json(const change_session_answer_message& from) {
    return write_members(from);
}

boost::json::object to_json(const lun_request_message& from) {
    return write_members(from);
}

boost::json::object to_json(const lun_progress& from) {
    return write_members(from);
}

boost::json::object to_json(const reserve_request_message& from) {
    return write_members(from);
}

boost::json::object to_json(const reserve_answer_message& from) {
    return write_members(from);
}

boost::json::object to_json(const describe_luns_request_message& from) {
    return write_members(from);
}

boost::json::object to_json(const lun_details& from) {
    return write_members(from);
}

boost::json::object to_json(const luns_progress& from) {
    return write_members(from);
}

boost::json::object to_json(const list_sessions_request_message& from) {
    return write_members(from);
}

boost::json::object to_json(const latency_bucket& from) {
    return write_members(from);
}

boost::json::object to_json(const io_figures& from) {
    return write_members(from);
}

boost::json::object to_json(const session_counter& from) {
    return write_members(from);
}

boost::json::object to_json(const session_info& from) {
    return write_members(from);
}

boost::json::object to_json(const list_sessions_message& from) {
    return write_members(from);
}

boost::json::object to_json(const discover_request_message& from) {
    return write_members(from);
}

boost::json::object to_json(const discover_progress& from) {
    return write_members(from);
}

boost::json::object to_json(const daemon_status& from) {
    return write_members(from);
}

template <class T>
result<T> from_json(const boost::json::object& from) {
    return read_members<T>(from);
}

template result<node_id> from_json(const boost::json::object&);
template result<login_request_message> from_json(const boost::json::object&);
template result<login_progress> from_json(const boost::json::object&);
template result<kept_login> from_json(const boost::json::object&);
template result<kept_logins_message> from_json(const boost::json::object&);
template result<end_kept_logins_request_message> from_json(const boost::json::object&);
template result<logout_request_message> from_json(const boost::json::object&);
template result<logout_progress> from_json(const boost::json::object&);
template result<rescan_request_message> from_json(const boost::json::object&);
template result<rescan_progress> from_json(const boost::json::object&);
template result<fail_io_request_message> from_json(const boost::json::object&);
template result<fail_io_progress> from_json(const boost::json::object&);
template result<change_session_request_message> from_json(const boost::json::object&);
template result<change_session_answer_message> from_json(const boost::json::object&);
template result<lun_request_message> from_json(const boost::json::object&);
template result<lun_progress> from_json(const boost::json::object&);
template result<reserve_request_message> from_json(const boost::json::object&);
template result<reserve_answer_message> from_json(const boost::json::object&);
template result<describe_luns_request_message> from_json(const boost::json::object&);
template result<luns_progress> from_json(const boost::json::object&);
template result<list_sessions_request_message> from_json(const boost::json::object&);
template result<session_info> from_json(const boost::json::object&);
template result<list_sessions_message> from_json(const boost::json::object&);
template result<discover_request_message> from_json(const boost::json::object&);
template result<discover_progress> from_json(const boost::json::object&);
template result<daemon_status> from_json(const boost::json::object&);

} // namespace iscsi::admin

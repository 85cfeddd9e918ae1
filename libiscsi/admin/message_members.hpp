#pragma once

#include "libiscsi/admin/json_members.hpp"
#include "libiscsi/admin/messages.hpp"

// The members of each message, named once for both directions: `visit` is a json_writer or a
// json_reader.
namespace iscsi::admin {

// -1: not known. RFC 7143 §13.9 has 16 bits.
inline constexpr integer_range group_tags{-1, 65535};
// 0 in a listing: not known.
inline constexpr integer_range ports{0, 65535};
inline constexpr integer_range exit_codes{0, 33};

template <class Visitor, class Node>
requires same_message<Node, node_id>

void members(Visitor& visit, Node& node) {
    visit.text("target", node.target);
    visit.text("address", node.address);
    visit.integer("port", node.port, ports);
    visit.integer("group_tag", node.group_tag, group_tags);
    visit.text("interface", node.interface);
}

template <class Visitor, class Message>
requires same_message<Message, login_request_message>

void members(Visitor& visit, Message& message) {
    visit.objects("nodes", message.nodes);
    visit.optional_boolean("wait", message.wait);
    visit.flag("additional", message.additional);
    visit.flag("keep_trying", message.keep_trying);
}

template <class Visitor, class Message>
requires same_message<Message, login_progress>

void members(Visitor& visit, Message& message) {
    visit.integer("index", message.index);
    visit.integer("code", message.code, exit_codes);
    visit.text("detail", message.detail);
    visit.integer("sid", message.sid);
    visit.optional_texts("warnings", message.warnings);
    visit.flag("needless", message.needless);
    visit.optional_texts("notes", message.notes);
}

template <class Visitor, class Message>
requires same_message<Message, kept_login>

void members(Visitor& visit, Message& message) {
    visit.object("node", message.node);
    visit.integer("age", message.age);
    visit.integer("tries", message.tries);
    visit.text("reason", message.reason);
}

template <class Visitor, class Message>
requires same_message<Message, kept_logins_message>

void members(Visitor& visit, Message& message) {
    visit.objects("logins", message.logins);
}

template <class Visitor, class Message>
requires same_message<Message, end_kept_logins_request_message>

void members(Visitor& visit, Message& message) {
    visit.objects("nodes", message.nodes);
}

template <class Visitor, class Message>
requires same_message<Message, logout_request_message>

void members(Visitor& visit, Message& message) {
    visit.integers("sids", message.sids);
}

template <class Visitor, class Message>
requires same_message<Message, logout_progress>

void members(Visitor& visit, Message& message) {
    visit.integer("sid", message.sid);
    visit.integer("code", message.code, exit_codes);
    visit.text("detail", message.detail);
    visit.optional_texts("warnings", message.warnings);
}

template <class Visitor, class Message>
requires same_message<Message, rescan_request_message>

void members(Visitor& visit, Message& message) {
    visit.integers("sids", message.sids);
}

template <class Visitor, class Message>
requires same_message<Message, rescan_progress>

void members(Visitor& visit, Message& message) {
    visit.integer("sid", message.sid);
    visit.integer("code", message.code, exit_codes);
    visit.text("detail", message.detail);
    visit.optional_texts("warnings", message.warnings);
}

template <class Visitor, class Message>
requires same_message<Message, fail_io_request_message>

void members(Visitor& visit, Message& message) {
    visit.integers("sids", message.sids);
}

template <class Visitor, class Message>
requires same_message<Message, fail_io_progress>

void members(Visitor& visit, Message& message) {
    visit.integer("sid", message.sid);
    visit.integer("code", message.code, exit_codes);
    visit.text("detail", message.detail);
    visit.optional_texts("warnings", message.warnings);
    visit.integer("commands", message.commands);
}

template <class Visitor, class Message>
requires same_message<Message, change_session_request_message>

void members(Visitor& visit, Message& message) {
    visit.integer("sid", message.sid);
    visit.texts("keys", message.keys);
}

template <class Visitor, class Message>
requires same_message<Message, change_session_answer_message>

void members(Visitor& visit, Message& message) {
    visit.integer("code", message.code, exit_codes);
    visit.text("detail", message.detail);
    visit.optional_texts("now", message.now);
    visit.optional_texts("at_login", message.at_login);
    visit.optional_texts("later", message.later);
}

template <class Visitor, class Message>
requires same_message<Message, lun_request_message>

void members(Visitor& visit, Message& message) {
    visit.integers("sids", message.sids);
    visit.integer("lun", message.lun);
}

template <class Visitor, class Message>
requires same_message<Message, lun_progress>

void members(Visitor& visit, Message& message) {
    visit.integer("sid", message.sid);
    visit.integer("code", message.code, exit_codes);
    visit.text("detail", message.detail);
    visit.optional_texts("warnings", message.warnings);
    visit.text("disk", message.disk);
    visit.boolean("changed", message.changed);
}

template <class Visitor, class Message>
requires same_message<Message, reserve_request_message>

void members(Visitor& visit, Message& message) {
    visit.integer("sid", message.sid);
    visit.integer("lun", message.lun);
    visit.text("verb", message.verb);
    visit.optional_text("key", message.key);
    visit.optional_text("new_key", message.new_key);
    visit.optional_text("victim_key", message.victim_key);
    visit.optional_text("type", message.type);
}

template <class Visitor, class Registrant>
requires same_message<Registrant, reservation_registrant>

void members(Visitor& visit, Registrant& registrant) {
    visit.text("key", registrant.key);
    visit.boolean("holder", registrant.holder);
    visit.optional_text("type", registrant.type);
    visit.boolean("all_target_ports", registrant.all_target_ports);
    visit.integer("target_port", registrant.target_port);
    visit.text("initiator", registrant.initiator);
}

template <class Visitor, class Message>
requires same_message<Message, reserve_answer_message>

void members(Visitor& visit, Message& message) {
    visit.integer("code", message.code, exit_codes);
    visit.boolean("unknown", message.unknown);
    visit.text("detail", message.detail);
    visit.optional_integer("generation", message.generation);
    visit.optional_texts("keys", message.keys);
    visit.optional_text("reservation_key", message.reservation_key);
    visit.optional_text("reservation_type", message.reservation_type);
    visit.optional_texts("capabilities", message.capabilities);
    visit.optional_texts("types", message.types);
    visit.optional_objects("registrants", message.registrants);
}

template <class Visitor, class Message>
requires same_message<Message, describe_luns_request_message>

void members(Visitor& visit, Message& message) {
    visit.integers("sids", message.sids);
}

template <class Visitor, class Unit>
requires same_message<Unit, lun_details>

void members(Visitor& visit, Unit& unit) {
    visit.integer("lun", unit.lun);
    visit.text("kind", unit.kind);
    visit.text("vendor", unit.vendor);
    visit.text("product", unit.product);
    visit.text("revision", unit.revision);
    visit.text("wwid", unit.wwid);
    visit.integer("size", unit.size);
    visit.integer("block_size", unit.block_size);
    visit.boolean("thin", unit.thin);
    visit.boolean("write_cache", unit.write_cache);
    visit.boolean("write_cache_known", unit.write_cache_known);
    visit.boolean("read_only", unit.read_only);
    visit.text("state", unit.state);
    visit.text("why", unit.why);
    visit.text("disk", unit.disk);
}

template <class Visitor, class Message>
requires same_message<Message, luns_progress>

void members(Visitor& visit, Message& message) {
    visit.integer("sid", message.sid);
    visit.integer("code", message.code, exit_codes);
    visit.text("detail", message.detail);
    visit.optional_texts("warnings", message.warnings);
    visit.objects("luns", message.luns);
}

template <class Visitor, class Message>
requires same_message<Message, list_sessions_request_message>

void members(Visitor& visit, Message& message) {
    visit.optional_integer("sid", message.sid);
    visit.flag("io", message.io);
}

template <class Visitor, class Bucket>
requires same_message<Bucket, latency_bucket>

void members(Visitor& visit, Bucket& bucket) {
    visit.integer("below_us", bucket.below_us);
    visit.integer("count", bucket.count);
}

template <class Visitor, class Figures>
requires same_message<Figures, io_figures>

void members(Visitor& visit, Figures& figures) {
    visit.text("kind", figures.kind);
    visit.integer("in_flight", figures.in_flight);
    visit.integer("requests", figures.requests);
    visit.integer("failed", figures.failed);
    visit.integer("bytes", figures.bytes);
    visit.objects("latencies", figures.latencies);
    visit.optional_integer("time_us", figures.time_us);
}

template <class Visitor, class Lun>
requires same_message<Lun, attached_lun>

void members(Visitor& visit, Lun& unit) {
    visit.integer("lun", unit.lun);
    visit.text("disk", unit.disk);
    visit.text("state", unit.state);
    visit.optional_objects("io", unit.io);
    visit.optional_integer("commands", unit.commands);
}

template <class Visitor, class Counter>
requires same_message<Counter, session_counter>

void members(Visitor& visit, Counter& counter) {
    visit.text("name", counter.name);
    visit.integer("value", counter.value);
}

template <class Visitor, class Session>
// session_info is visited in three parts, because a function has a limit of lines.
void identity_members(Visitor& visit, Session& session) {
    visit.integer("sid", session.sid);
    visit.object("node", session.node);
    visit.text("current_address", session.current_address);
    visit.integer("current_port", session.current_port, ports);
    visit.integer("group_tag", session.group_tag, group_tags);
    visit.text("initiator_name", session.initiator_name);
    visit.text("interface_address", session.interface_address);
}

template <class Visitor, class Session>
void state_members(Visitor& visit, Session& session) {
    visit.text("connection_state", session.connection_state);
    visit.text("session_state", session.session_state);
    visit.text("internal_state", session.internal_state);
    visit.optional_boolean("login_pending", session.login_pending);
    visit.optional_boolean("logout_pending", session.logout_pending);
    visit.integer("recovery_timeout", session.recovery_timeout);
    visit.integer("target_reset_timeout", session.target_reset_timeout);
    visit.integer("lun_reset_timeout", session.lun_reset_timeout);
    visit.integer("abort_timeout", session.abort_timeout);
    visit.text("username", session.username);
    visit.text("username_in", session.username_in);
}

template <class Visitor, class Session>
void negotiated_members(Visitor& visit, Session& session) {
    visit.text("header_digest", session.header_digest);
    visit.text("data_digest", session.data_digest);
    visit.integer("max_recv_data_segment_length", session.max_recv_data_segment_length);
    visit.integer("max_xmit_data_segment_length", session.max_xmit_data_segment_length);
    visit.integer("first_burst_length", session.first_burst_length);
    visit.integer("max_burst_length", session.max_burst_length);
    visit.boolean("immediate_data", session.immediate_data);
    visit.boolean("initial_r2t", session.initial_r2t);
    visit.integer("max_outstanding_r2t", session.max_outstanding_r2t);
}

template <class Visitor, class Session>
requires same_message<Session, session_info>

void members(Visitor& visit, Session& session) {
    identity_members(visit, session);
    state_members(visit, session);
    negotiated_members(visit, session);
    visit.integer("host_number", session.host_number);
    visit.objects("luns", session.luns);
    visit.optional_objects("statistics", session.statistics);
    visit.optional_objects("events", session.events);
}

template <class Visitor, class Message>
requires same_message<Message, list_sessions_message>

void members(Visitor& visit, Message& message) {
    visit.objects("sessions", message.sessions);
}

template <class Visitor, class Message>
requires same_message<Message, discover_request_message>

void members(Visitor& visit, Message& message) {
    visit.text("address", message.address);
    visit.integer("port", message.port, ports);
    visit.optional_boolean("use_record", message.use_record);
    visit.optional_text("interface", message.interface);
    visit.optional_text("type", message.type);
}

template <class Visitor, class Portal>
requires same_message<Portal, discovered_portal>

void members(Visitor& visit, Portal& portal) {
    visit.text("target", portal.target);
    visit.text("address", portal.address);
    visit.integer("port", portal.port, ports);
    visit.integer("group_tag", portal.group_tag, group_tags);
}

template <class Visitor, class Message>
requires same_message<Message, discover_progress>

void members(Visitor& visit, Message& message) {
    visit.texts("notes", message.notes);
    visit.boolean("finished", message.finished);
    visit.integer("code", message.code, exit_codes);
    visit.objects("portals", message.portals);
}

template <class Visitor, class Message>
requires same_message<Message, daemon_status>

void members(Visitor& visit, Message& message) {
    visit.text("version", message.version);
    visit.text("disk_driver", message.disk_driver);
    visit.text("ring", message.ring);
    visit.integer("sessions", message.sessions);
    visit.text("initiator_name", message.initiator_name);
}

template <class Message>
boost::json::object write_members(const Message& from) {
    json_writer writer;
    members(writer, from);
    return writer.take();
}

template <class Message>
// A message that has not been read to its end is never handed out.
result<Message> read_members(const boost::json::object& from) {
    Message to;
    json_reader reader(from);
    members(reader, to);
    if (auto read = reader.finish(); !read)
        return read.error();
    return to;
}

} // namespace iscsi::admin

#include "tests/unit/admin/sample_records.hpp"

#include "libiscsi/admin/messages.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace iscsi::admin {
namespace {

using boost::json::object;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

object json(std::string_view text) {
    return boost::json::parse(text).as_object();
}

session_info sample_session() {
    session_info session;
    session.sid = 7;
    session.node = sample_id();
    session.current_address = "fe80::1%eth0";
    session.group_tag = 3;
    session.username = "me";
    session.recovery_timeout = -1;
    session.max_burst_length = std::numeric_limits<std::uint32_t>::max();
    session.immediate_data = true;
    session.luns = {
        {0, "ublkb0", "running"}, {std::numeric_limits<std::uint64_t>::max(), "", "offline"}};
    session.luns[0].commands = 12;
    session.luns[0].io = {{"read", 1, 2, 3, 4, {{16, 2}}, 99}};
    session.statistics = {
        {"rxdata_octets", std::numeric_limits<std::uint64_t>::max()}, {"rjt_pdus", 0}};
    session.events = {{"logins", 2}};
    return session;
}

lun_details sample_lun() {
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    return {
        most,
        "disk",
        "v",
        "p",
        "r",
        "3600",
        most,
        512,
        true,
        true,
        true,
        true,
        "running",
        "why",
        "a"};
}

// Whether a message says the same after a journey over the wire.
template <class Message>
void expect_round_trip(const Message& message) {
    const auto sent = to_json(message);
    const auto received = from_json<Message>(json(boost::json::serialize(sent)));
    ASSERT_TRUE(received) << received.error().text();
    EXPECT_EQ(to_json(*received), sent);
}

template <class Message>
fault refused(const object& from) {
    const auto read = from_json<Message>(from);
    EXPECT_FALSE(read) << boost::json::serialize(from);
    return read ? fault() : read.error();
}

session_info session_with_io() {
    auto session = sample_session();
    session.luns[0].io = {{"read", 1, 7, 2, 4096, {{128, 3}, {160, 4}}}, {"write"}};
    return session;
}

TEST(messages, survive_the_wire) {
    expect_round_trip(sample_id(-1));
    expect_round_trip(login_request_message{{sample_id(), sample_id(-1)}, false});
    expect_round_trip(login_request_message{{sample_id()}, true, true});
    expect_round_trip(login_request_message{{sample_id()}, true, false, true});
    expect_round_trip(kept_login{sample_id(), 61, 7, "Connection refused"});
    expect_round_trip(kept_logins_message{{{sample_id(), 1, 0, ""}, {sample_id(-1), 0, 1, "x"}}});
    expect_round_trip(end_kept_logins_request_message{{sample_id()}});
    expect_round_trip(login_progress{1, exit_code::login_auth_failed, "because", 4});
    expect_round_trip(login_progress{1, exit_code::success, "", 4, {"one", "two"}});
    expect_round_trip(login_progress{1, exit_code::success, "", 4, {}, false, {"one"}});
    expect_round_trip(logout_progress{1, exit_code::success, "", {"one"}});
    expect_round_trip(rescan_progress{1, exit_code::success, "", {"one"}});
    expect_round_trip(fail_io_request_message{{1, 4294967295U}});
    expect_round_trip(fail_io_progress{1, exit_code::success, "", {"one"}, 17});
    expect_round_trip(lun_request_message{{1, 2}, 16640});
    expect_round_trip(describe_luns_request_message{{1, 2}});
    expect_round_trip(luns_progress{
        1, exit_code::success, "", {"one"}, {lun_details{}, sample_lun()}});
    expect_round_trip(lun_progress{1, exit_code::success, "", {"one"}, "ublkb0", true});
    expect_round_trip(lun_progress{1, exit_code::busy, "mounted"});
    expect_round_trip(reserve_request_message{
        1, 16640, "preempt", "0x1", "", "0x2", "write-exclusive"});
    expect_round_trip(reserve_answer_message{
        exit_code::busy,
        true,
        "why",
        7,
        {"0x1"},
        "0x2",
        "write-exclusive",
        {"one"},
        {"two"},
        {{"0x3", true, "exclusive-access", true, 65535, "iqn.a:b"}}});
    expect_round_trip(logout_request_message{{1, 2, 4294967295U}});
    expect_round_trip(logout_progress{1, exit_code::busy, "mounted"});
    expect_round_trip(rescan_request_message{{1, 2, 4294967295U}});
    expect_round_trip(rescan_progress{1, exit_code::session_not_connected, "reconnecting"});
    expect_round_trip(list_sessions_request_message{});
    expect_round_trip(list_sessions_request_message{5});
    expect_round_trip(list_sessions_request_message{5, true});
    expect_round_trip(session_with_io());
    expect_round_trip(sample_session());
    expect_round_trip(list_sessions_message{{sample_session(), {}}});
    expect_round_trip(discover_request_message{"::1", 65535, false, "eth"});
    expect_round_trip(discover_progress{
        {"cannot make connection"}, true, exit_code::success, {{"iqn.a:b", "10.0.0.1", 1, -1}}});
    expect_round_trip(daemon_status{"1", "ublk", "io_uring", 3, "iqn.a:b"});
}

TEST(messages, keep_every_part_of_a_session) {
    const auto read = from_json<session_info>(to_json(sample_session()));
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->node, sample_id());
    EXPECT_EQ(read->recovery_timeout, -1);
    EXPECT_EQ(read->max_burst_length, std::numeric_limits<std::uint32_t>::max());
    ASSERT_THAT(read->luns, SizeIs(2));
    EXPECT_EQ(read->luns[1].lun, std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(read->luns[1].state, "offline");
}

TEST(messages, have_defaults_where_the_interface_says_so) {
    EXPECT_TRUE(from_json<login_request_message>(json(R"({"nodes":[]})"))->wait);
    EXPECT_TRUE(from_json<login_request_message>(json(R"({"nodes":[],"wait":null})"))->wait);
    EXPECT_TRUE(from_json<discover_request_message>(json(R"({"address":"a","port":1})"))->use_record
    );
    EXPECT_FALSE(from_json<list_sessions_request_message>(json("{}"))->sid);
}

TEST(messages, miss_members_by_name) {
    auto from = to_json(sample_session());
    from.erase("host_number");
    const auto why = refused<session_info>(from);
    EXPECT_EQ(why.code, to_error_code(message_errc::missing_member));
    EXPECT_EQ(why.field, "host_number");
}

TEST(messages, name_the_place_of_a_fault) {
    auto from = to_json(login_request_message{{sample_id(), sample_id()}, true});
    from["nodes"].as_array()[1].as_object()["port"] = 65536;
    const auto why = refused<login_request_message>(from);
    EXPECT_EQ(why.code, to_error_code(message_errc::out_of_range));
    EXPECT_EQ(why.field, "nodes[1].port");
    EXPECT_EQ(why.expected, "0..65535");
}

TEST(messages, hold_numbers_to_their_range) {
    const auto why = [](std::string_view text) { return refused<login_progress>(json(text)).code; };
    const auto out_of_range = to_error_code(message_errc::out_of_range);
    EXPECT_EQ(why(R"({"index":-1,"code":0,"detail":"","sid":1})"), out_of_range);
    EXPECT_EQ(why(R"({"index":4294967296,"code":0,"detail":"","sid":1})"), out_of_range);
    EXPECT_EQ(why(R"({"index":18446744073709551615,"code":0,"detail":"","sid":1})"), out_of_range);
    EXPECT_EQ(why(R"({"index":0,"code":34,"detail":"","sid":1})"), out_of_range);
    EXPECT_EQ(
        why(R"({"index":0.5,"code":0,"detail":"","sid":1})"),
        to_error_code(message_errc::wrong_type)
    );
    auto lun = to_json(sample_session());
    lun["luns"].as_array()[0].as_object()["lun"] = -1;
    EXPECT_EQ(refused<session_info>(lun).code, out_of_range);
}

TEST(messages, want_the_right_types) {
    const auto wrong_type = to_error_code(message_errc::wrong_type);
    for (const auto* const text :
         {R"({"nodes":{}})",
          R"({"nodes":"x"})",
          R"({"nodes":[1]})",
          R"({"nodes":[null]})",
          R"({"nodes":[],"wait":1})",
          R"({"nodes":[],"wait":"true"})"})
        EXPECT_EQ(refused<login_request_message>(json(text)).code, wrong_type) << text;
    EXPECT_EQ(refused<logout_request_message>(json(R"({"sids":["1"]})")).code, wrong_type);
    EXPECT_EQ(refused<rescan_request_message>(json(R"({"sids":["1"]})")).code, wrong_type);
    auto status = to_json(daemon_status{});
    status["version"] = 1;
    EXPECT_EQ(refused<daemon_status>(status).code, wrong_type);
}

TEST(messages, refuse_members_that_they_do_not_have) {
    const auto why = refused<logout_request_message>(json(R"({"sids":[],"force":true})"));
    EXPECT_EQ(why.code, to_error_code(message_errc::unknown_member));
    EXPECT_EQ(why.field, "force");
}

TEST(messages, need_no_warnings_but_take_them_as_a_list_of_strings) {
    const auto read = [](std::string_view text) { return from_json<rescan_progress>(json(text)); };
    EXPECT_TRUE(read(R"({"sid":1,"code":0,"detail":""})").value().warnings.empty());
    EXPECT_TRUE(read(R"({"sid":1,"code":0,"detail":"","warnings":null})").has_value());
    const auto two = read(R"({"sid":1,"code":0,"detail":"","warnings":["a","b"]})");
    EXPECT_THAT(two.value().warnings, ElementsAre("a", "b"));
    const auto wrong_type = to_error_code(message_errc::wrong_type);
    for (const auto* const bad : {R"("a")", "[1]", "{}"})
        EXPECT_EQ(
            read(std::string(R"({"sid":1,"code":0,"detail":"","warnings":)") + bad + "}")
                .error()
                .code,
            wrong_type
        ) << bad;
}

TEST(messages, hold_the_answer_to_a_rescan_to_its_range) {
    const auto why = [](std::string_view text) { return refused<rescan_progress>(json(text)); };
    const auto out_of_range = to_error_code(message_errc::out_of_range);
    EXPECT_EQ(why(R"({"sid":-1,"code":0,"detail":""})").code, out_of_range);
    EXPECT_EQ(why(R"({"sid":1,"code":34,"detail":""})").code, out_of_range);
    EXPECT_EQ(why(R"({"sid":1,"code":0})").field, "detail");
    EXPECT_EQ(refused<rescan_request_message>(json("{}")).field, "sids");
}

TEST(messages, hold_strings_and_arrays_to_a_length) {
    discover_request_message request{std::string(longest_string, 'x'), 1, true, {}};
    EXPECT_TRUE(from_json<discover_request_message>(to_json(request)));
    request.address += 'x';
    const auto too_long = to_error_code(message_errc::too_long);
    EXPECT_EQ(refused<discover_request_message>(to_json(request)).code, too_long);
    logout_request_message many;
    many.sids.resize(longest_array + 1);
    EXPECT_EQ(refused<logout_request_message>(to_json(many)).code, too_long);
}

TEST(message_errc, has_words_for_every_error) {
    for (int code = 1; code <= static_cast<int>(message_errc::duplicate_member); ++code)
        EXPECT_NE(message_of(static_cast<message_errc>(code)), "unknown error") << code;
}

TEST(interface_description, names_every_method) {
    const auto text = interface_description();
    EXPECT_THAT(text, HasSubstr("interface " + std::string(interface_name)));
    for (const auto* const method :
         {"Login(",
          "Logout(",
          "Rescan(",
          "FailIo(",
          "AttachLun(",
          "DetachLun(",
          "DescribeLuns(",
          "ListSessions(",
          "Discover(",
          "Status()",
          "Stop()"})
        EXPECT_THAT(text, HasSubstr("method " + std::string(method)));
    EXPECT_THAT(text, Not(HasSubstr("@")));
}

template <class Message>
void expect_described() {
    for (const auto& member : to_json(Message{}))
        EXPECT_THAT(
            interface_description(), testing::ContainsRegex(std::string(member.key()) + ": ")
        );
}

// What older daemons and tools do not know is sent only where it says something.
TEST(messages, leave_new_members_out_when_they_say_nothing) {
    EXPECT_FALSE(to_json(login_request_message{{sample_id()}}).contains("additional"));
    EXPECT_FALSE(to_json(login_request_message{{sample_id()}}).contains("keep_trying"));
    EXPECT_FALSE(to_json(login_progress{}).contains("needless"));
    EXPECT_FALSE(to_json(session_info{}).contains("statistics"));
    EXPECT_FALSE(to_json(session_info{}).contains("events"));
    EXPECT_FALSE(to_json(io_figures{}).contains("time_us"));
    EXPECT_FALSE(to_json(list_sessions_request_message{}).contains("io"));
    EXPECT_FALSE(to_json(list_sessions_message{{sample_session()}})
                     .at("sessions")
                     .at(0)
                     .at("luns")
                     .at(1)
                     .as_object()
                     .contains("io"));
}

TEST(interface_description, has_every_member) {
    expect_described<node_id>();
    expect_described<login_request_message>();
    expect_described<kept_login>();
    expect_described<kept_logins_message>();
    expect_described<end_kept_logins_request_message>();
    expect_described<session_counter>();
    expect_described<latency_bucket>();
    expect_described<io_figures>();
    expect_described<login_progress>();
    expect_described<logout_progress>();
    expect_described<rescan_progress>();
    expect_described<fail_io_progress>();
    expect_described<lun_request_message>();
    expect_described<lun_progress>();
    expect_described<describe_luns_request_message>();
    expect_described<lun_details>();
    expect_described<luns_progress>();
    expect_described<reserve_request_message>();
    expect_described<reserve_answer_message>();
    expect_described<session_info>();
    expect_described<discover_request_message>();
    expect_described<discover_progress>();
    expect_described<daemon_status>();
}

} // namespace
} // namespace iscsi::admin

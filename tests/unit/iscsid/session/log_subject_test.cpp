#include "iscsid/session/log_events.hpp"
#include "iscsid/session/log_subject.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace iscsid::session {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const iscsi::admin::node_id subject_node{"iqn.a:b", "10.0.0.1", 3260, 1, "eth"};
const iscsi::admin::node_id odd_node{"iqn.a):b(", "fe80::1%eth0", 860, -1, "if)e]"};

std::vector<std::string> read(const std::string& line) {
    std::vector<std::string> all;
    for (const auto& field : fields_of(line))
        all.push_back(std::string(field.name) + "=" + field.value);
    return all;
}

TEST(fields_of, are_what_was_written) {
    EXPECT_THAT(
        read(full_name(7, subject_node) + " is operational now"),
        ElementsAre(
            "ISCSI_SID=7", "ISCSI_TARGET=iqn.a:b", "ISCSI_PORTAL=10.0.0.1:3260", "ISCSI_IFACE=eth"
        )
    );
    EXPECT_THAT(
        read(full_name(odd_node) + ": not logged in"),
        ElementsAre(
            "ISCSI_TARGET=iqn.a):b(", "ISCSI_PORTAL=[fe80::1%eth0]:860", "ISCSI_IFACE=if)e]"
        )
    );
    EXPECT_THAT(
        read(brief_name(12, odd_node.target) + ": not back"),
        ElementsAre("ISCSI_SID=12", "ISCSI_TARGET=iqn.a):b(")
    );
    EXPECT_THAT(
        read(placed_name(1, odd_node) + ": timed out: at last, trying again"),
        ElementsAre("ISCSI_SID=1", "ISCSI_TARGET=iqn.a):b(")
    );
    EXPECT_THAT(
        read(placed_name(1, subject_node) + " is over: gone"),
        ElementsAre("ISCSI_SID=1", "ISCSI_TARGET=iqn.a:b")
    );
    EXPECT_THAT(
        read("connection3:0 is operational after recovery (4 attempts) "
             "[iface: default, target: iqn.a:b, portal: 10.0.0.1,3260]"),
        ElementsAre(
            "ISCSI_SID=3",
            "ISCSI_TARGET=iqn.a:b",
            "ISCSI_PORTAL=10.0.0.1:3260",
            "ISCSI_IFACE=default"
        )
    );
    EXPECT_THAT(
        read("connection3:0 is operational after recovery (4 attempts)"), ElementsAre("ISCSI_SID=3")
    );
}

TEST(fields_of, name_a_unit_and_its_disk) {
    EXPECT_THAT(
        read(brief_name(1, "iqn.a:b") + ": " + unit_words(2, "sdc") + ": WRITE failed"),
        ElementsAre("ISCSI_SID=1", "ISCSI_TARGET=iqn.a:b", "ISCSI_LUN=2", "ISCSI_DISK=sdc")
    );
    EXPECT_THAT(
        read(full_name(1, subject_node) + ": " + unit_words(16384, "") + " is detached"),
        ElementsAre(
            "ISCSI_SID=1",
            "ISCSI_TARGET=iqn.a:b",
            "ISCSI_PORTAL=10.0.0.1:3260",
            "ISCSI_IFACE=eth",
            "ISCSI_LUN=16384"
        )
    );
}

TEST(fields_of, are_none_of_other_lines) {
    for (const auto* const line :
         {"",
          "ending: 3 session(s)",
          "disks: auto: ublk",
          "session",
          "session many",
          "[iface: a, target: b c, portal: d,1]: x",
          "[iface: a",
          "LUN 1 (sda): x"})
        EXPECT_THAT(read(line), IsEmpty()) << line;
    EXPECT_THAT(read("session 1 (two words): x"), ElementsAre("ISCSI_SID=1"));
    EXPECT_THAT(read("session 1 ("), ElementsAre("ISCSI_SID=1"));
}

TEST(events, have_ids_of_their_own) {
    std::set<std::string> ids;
    for (const auto& each :
         {events::session_up,
          events::login_failed,
          events::connection_lost,
          events::session_back,
          events::replacement_timeout,
          events::session_over,
          events::logged_out,
          events::name_is_shared,
          events::io_error,
          events::io_aborted,
          events::write_lost,
          events::unit_given_up,
          events::unit_is_other,
          events::unit_is_back}) {
        const std::string id = each.funcname;
        EXPECT_EQ(id.size(), 32U);
        EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
        EXPECT_TRUE(ids.insert(id).second) << id;
        EXPECT_FALSE(each.empty());
    }
}

} // namespace
} // namespace iscsid::session

#include "tests/support/target_control.hpp"

#include <gtest/gtest.h>

namespace iscsi::test {
namespace {

constexpr std::uint8_t test_unit_ready = 0x00;
constexpr std::uint8_t inquiry = 0x12;
constexpr std::uint8_t mode_sense = 0x1a;
constexpr std::uint8_t read_10 = 0x28;
constexpr std::uint8_t write_10 = 0x2a;
constexpr std::uint8_t synchronize_cache = 0x35;

cdb_bytes cdb_of(std::uint8_t code) {
    cdb_bytes cdb{};
    cdb[0] = std::byte{code};
    if (code == inquiry || code == mode_sense)
        cdb[4] = std::byte{0xff}; // allocation length
    if (code == mode_sense)
        cdb[2] = std::byte{0x3f};
    return cdb;
}

lun_field field_of(std::uint16_t lun) {
    lun_field field{};
    store_be16(field.data(), lun);
    return field;
}

std::uint32_t sense_of(const scsi_answer& answer) {
    if (answer.sense.size() < 14)
        return 0;
    const auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(answer.sense[i]); };
    return (at(2) << 16U) | (at(12) << 8U) | at(13);
}

// Two initiators are logged in; a target with LUN 0 and 1.
struct target_control_test : testing::Test {
    target_control_test() {
        target.add_disk(1, {});
        for (auto* link : {&one, &two})
            target.enter(link == &one ? "one" : "two", {}, *link);
    }

    scsi_answer ask(std::uint16_t lun, std::uint8_t code, const nexus& from = nexus_of("one", {})) {
        return target.execute(field_of(lun), cdb_of(code), {}, from);
    }

    boost::asio::io_context context;
    memory_target target;
    target_server server{context, target};
    fault_injector faults{{}};
    target_link one{target};
    target_link two{target};
    target_control control{{target, server, faults, {}}};
};

TEST_F(target_control_test, says_what_it_does_not_understand) {
    for (const auto* line :
         {"",
          "dance",
          "lun",
          "lun x size 3",
          "lun 0 size",
          "lun 0 size many",
          "lun 0 cache perhaps",
          "lun 7 cache on",
          "lun 0 dance on",
          "fault r2t",
          "refuse 3"})
        EXPECT_TRUE(control.obey(line).starts_with("error: ")) << line;
}

TEST_F(target_control_test, each_change_is_told_once_to_each_initiator_and_to_no_other_unit) {
    const std::vector<std::pair<std::string, std::uint32_t>> changes{
        {"size 3", 0x062a09},
        {"serial another", 0x063f03},
        {"cache off", 0x062a01},
        {"caching-page off", 0x062a01},
        {"read-only on", 0x062a01},
        {"thin off", 0x063f03},
        {"zeroes off", 0x063f03},
        {"longest 64", 0x063f03},
        {"online", 0x062a06},
        {"attention 0x062900", 0x062900}};
    for (const auto& [change, attention] : changes) {
        ASSERT_EQ(control.obey("lun 1 " + change), "ok");
        EXPECT_EQ(sense_of(ask(1, inquiry)), 0U) << change;
        for (const auto* who : {"one", "two"}) {
            EXPECT_EQ(sense_of(ask(1, test_unit_ready, nexus_of(who, {}))), attention) << change;
            EXPECT_EQ(ask(1, test_unit_ready, nexus_of(who, {})).status, 0) << change;
        }
        EXPECT_EQ(ask(0, test_unit_ready).status, 0) << change;
    }
    EXPECT_EQ(control.obey("lun 1 size 5 quietly"), "ok");
    EXPECT_EQ(ask(1, test_unit_ready).status, 0);
    EXPECT_EQ(target.disk(1).content().size(), 5U << 20U);
}

TEST_F(target_control_test, another_list_is_told_by_the_other_units) {
    for (const auto* line : {"lun 1 remove", "lun 1 add 2"}) {
        ASSERT_EQ(control.obey(line), "ok");
        EXPECT_EQ(sense_of(ask(0, test_unit_ready)), 0x063f0eU) << line;
    }
    EXPECT_EQ(ask(1, test_unit_ready).status, 0);
    ASSERT_EQ(control.obey("lun 1 remove quietly"), "ok");
    EXPECT_EQ(ask(0, test_unit_ready).status, 0);
    EXPECT_EQ(sense_of(ask(1, test_unit_ready)), 0x052500U);
}

TEST_F(target_control_test, a_unit_can_be_offline_and_reserved) {
    ASSERT_EQ(control.obey("lun 1 offline 0x02040b"), "ok");
    EXPECT_EQ(sense_of(ask(1, read_10)), 0x02040bU);
    EXPECT_EQ(ask(1, inquiry).status, 0);
    EXPECT_EQ(ask(0, read_10).status, 0);
    ASSERT_EQ(control.obey("lun 1 online quietly"), "ok");
    ASSERT_EQ(control.obey("lun 1 reserved writes"), "ok");
    EXPECT_EQ(ask(1, read_10).status, 0);
    for (const auto code : {write_10, synchronize_cache})
        EXPECT_EQ(ask(1, code).status, 0x18);
    ASSERT_EQ(control.obey("lun 1 reserved all"), "ok");
    EXPECT_EQ(ask(1, read_10).status, 0x18);
    EXPECT_EQ(ask(1, test_unit_ready).status, 0);
}

TEST_F(target_control_test, counts_commands_and_takes_faults) {
    ask(0, read_10);
    ask(0, read_10);
    ask(0, test_unit_ready);
    EXPECT_EQ(control.obey("commands 0x28"), "2");
    EXPECT_EQ(control.obey("commands"), "3");
    EXPECT_EQ(control.obey("fault scsi-command/0x28: hold"), "ok");
    EXPECT_FALSE(faults.is_empty());
    EXPECT_EQ(control.obey("release"), "ok");
    EXPECT_TRUE(faults.is_empty());
    EXPECT_EQ(control.obey("held"), "0");
    EXPECT_EQ(control.obey("task-management"), "0");
}

TEST_F(target_control_test, one_by_one_a_unit_takes_its_time_for_each) {
    instant now{};
    target.clock = [&now] { return now; };
    ASSERT_EQ(control.obey("lun 1 delay 500"), "ok");
    EXPECT_EQ(*target.due(field_of(1), {}), now + std::chrono::milliseconds(500));
    EXPECT_EQ(*target.due(field_of(1), {}), now + std::chrono::milliseconds(500));
    EXPECT_FALSE(target.due(field_of(0), {}).has_value());
    now += std::chrono::seconds(9);
    ASSERT_EQ(control.obey("lun 1 one-by-one on"), "ok");
    EXPECT_EQ(*target.due(field_of(1), {}), now + std::chrono::milliseconds(500));
    EXPECT_EQ(*target.due(field_of(1), {}), now + std::chrono::milliseconds(1000));
}

} // namespace
} // namespace iscsi::test

#include "tests/unit/iscsiadm/modes/mode_test.hpp"

// What -o show of a discovery leaves.
namespace iscsi::cli {
namespace {

using testing::IsEmpty;

class discovery_show : public mode_test {
  protected:
    const std::vector<std::string> look{
        "-m", "discovery", "-t", "st", "-p", "10.9.9.1", "-o", "show"};

    // The sources in the database.
    std::string sources() { return run({"-m", "discovery"}).out; }
};

TEST_F(discovery_show, leaves_nothing_when_it_fails) {
    daemon.discover_answers = {{{}, true, exit_code::pdu_timeout, {}}};
    EXPECT_EQ(run(look).code, 11);
    EXPECT_THAT(sources(), IsEmpty());
    daemon.discover_answers = {{{}, true, exit_code::success, {}}};
    EXPECT_EQ(run(look).code, 21) << "no portals";
    EXPECT_THAT(sources(), IsEmpty());
    auto same = look;
    same[1] = "discoverydb";
    same.emplace_back("-D");
    EXPECT_EQ(run(same).code, 21);
    EXPECT_THAT(sources(), IsEmpty());
    EXPECT_FALSE(std::filesystem::exists(where.database / "send_targets"));
}

TEST_F(discovery_show, keeps_the_source_of_an_answer) {
    admin::discover_progress answer{{}, true, exit_code::success, {}};
    answer.portals.push_back({t1, "10.9.9.1", 3260, 1});
    daemon.discover_answers = {answer};
    EXPECT_EQ(run_well(look), "10.9.9.1:3260,1 " + t1 + "\n");
    EXPECT_EQ(sources(), "10.9.9.1:3260 via sendtargets\n");
    const std::string before = sources();
    daemon.discover_answers = {{{}, true, exit_code::pdu_timeout, {}}};
    EXPECT_EQ(run(look).code, 11);
    EXPECT_EQ(sources(), before);
}

} // namespace
} // namespace iscsi::cli

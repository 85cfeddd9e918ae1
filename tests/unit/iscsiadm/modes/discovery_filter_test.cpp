#include "tests/unit/iscsiadm/modes/mode_test.hpp"

namespace iscsi::cli {
namespace {

using testing::HasSubstr;

admin::discovered_portal at(const std::string& address, std::uint16_t port = 3260) {
    return {t1, address, port, 1};
}

class filtered_discovery : public mode_test {
  protected:
    filtered_discovery() {
        admin::discover_progress answer;
        answer.finished = true;
        for (const std::string address : {"192.0.2.1", "192.0.2.2", "2001:db8::1"})
            answer.portals.push_back(at(address));
        daemon.discover_answers = {answer};
    }

    const std::vector<std::string> discovery{"-m", "discovery", "-t", "st", "-p", "192.0.2.1"};
    const std::vector<std::string> again{"-m", "discoverydb", "-t", "st", "-p", "192.0.2.1", "-D"};

    std::vector<std::string> update_of(const std::string& key, const std::string& value) {
        return {
            "-m",
            "discoverydb",
            "-t",
            "st",
            "-p",
            "192.0.2.1",
            "-o",
            "update",
            "-n",
            "discovery.sendtargets.filter." + key,
            "-v",
            value};
    }
};

TEST_F(filtered_discovery, takes_what_iscsid_conf_wants) {
    write_config("discovery.sendtargets.filter.family = ipv6\n");
    EXPECT_EQ(run_well(discovery), "[2001:db8::1]:3260,1 " + t1 + "\n");
    EXPECT_EQ(run_well({"-m", "node"}), "[2001:db8::1]:3260,1 " + t1 + "\n");
}

TEST_F(filtered_discovery, takes_what_the_discovery_record_wants) {
    run_well(discovery);
    run_well(update_of("portal", "!192.0.2.2, !2001:db8::/32"));
    EXPECT_EQ(run_well(again), "192.0.2.1:3260,1 " + t1 + "\n");
    EXPECT_THAT(run_well({"-m", "node"}), testing::Not(HasSubstr("192.0.2.2")))
        << "as if the portal did not offer it any more";
    auto loud = again;
    loud.insert(loud.end(), {"-d", "1"});
    EXPECT_THAT(run(loud).err, HasSubstr("leaves out " + t1 + " at 192.0.2.2:3260"));
}

TEST_F(filtered_discovery, binds_to_the_interfaces_of_the_filter) {
    run_well({"-m", "iface", "-I", "one", "-o", "new"});
    run_well({"-m", "iface", "-I", "two", "-o", "new"});
    run_well(discovery);
    run_well(update_of("interface", "two"));
    run_well(update_of("family", "ipv6"));
    run_well(again);
    const auto all = admin::record_store(where.database).list({}).ids;
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all.front().interface, "two");
    auto by_one = again;
    by_one.insert(by_one.end(), {"-I", "one"});
    run_well(by_one);
    EXPECT_EQ(admin::record_store(where.database).list({}).ids.front().interface, "one");
}

TEST_F(filtered_discovery, says_that_nothing_is_left) {
    write_config("discovery.sendtargets.filter.portal = 198.51.100.0/24\n");
    const auto got = run(discovery);
    EXPECT_EQ(got.code, 21);
    EXPECT_THAT(got.err, HasSubstr("No portals found"));
    EXPECT_THAT(got.err, HasSubstr("leaves out all 3"));
}

TEST_F(filtered_discovery, refuses_a_filter_that_it_cannot_read) {
    run_well(discovery);
    const auto update = run(update_of("portal", "192.0.2.0/99"));
    EXPECT_EQ(update.code, 7);
    EXPECT_THAT(update.err, HasSubstr("expected a prefix length from 0 to 32"));
    write_config("discovery.sendtargets.filter.portal = 192.0.2.0/99\n");
    const auto asked_before = daemon.discoveries.size();
    EXPECT_EQ(run(discovery).code, 7);
    EXPECT_EQ(daemon.discoveries.size(), asked_before) << "before the portal is asked";
}

TEST_F(filtered_discovery, a_record_without_a_filter_is_as_open_iscsi_writes_it) {
    run_well(discovery);
    const std::vector<std::string> show{"-m", "discoverydb", "-t", "st", "-p", "192.0.2.1"};
    EXPECT_THAT(run_well(show), testing::Not(HasSubstr("filter")));
    run_well(update_of("family", "ipv4"));
    EXPECT_THAT(run_well(show), HasSubstr("discovery.sendtargets.filter.family = ipv4\n"));
    run_well(update_of("family", "any"));
    EXPECT_THAT(run_well(show), testing::Not(HasSubstr("filter")));
}

} // namespace
} // namespace iscsi::cli

#include "tests/unit/iscsiadm/modes/mode_test.hpp"

#include <iterator>

// Lines of a record's file that are none are left out by -o update, and named.
namespace iscsi::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class lost_lines : public mode_test {
  protected:
    static std::string text_of(const std::filesystem::path& file) {
        std::ifstream from(file);
        return {std::istreambuf_iterator<char>(from), {}};
    }

    // Behind the first line, so that it is the second of the file.
    static void add_line(const std::filesystem::path& file) {
        std::string text = text_of(file);
        text.insert(text.find('\n') + 1, "a line of somebody\n");
        std::ofstream(file) << text;
    }

    // The only record below a branch of the database.
    std::filesystem::path file_in(const std::string& branch) const {
        for (const auto& each :
             std::filesystem::recursive_directory_iterator(where.database / branch))
            if (each.is_regular_file() && each.path().filename() != ".staged")
                return each.path();
        return {};
    }

    // With a line added the update ends well, keeps the other lines, and names the lost one.
    void expect_named(const std::string& branch, const std::vector<std::string>& update) {
        const auto file = file_in(branch);
        const std::string before = text_of(file);
        EXPECT_EQ(run(update).err, "") << "nothing is lost";
        const std::string whole = text_of(file);
        add_line(file);
        const outcome got = run(update);
        EXPECT_EQ(got.code, 0);
        EXPECT_EQ(
            got.err,
            "iscsiadm: " + file.string() +
                ":2: line without an equals sign, got 18 bytes, expected key = value; the line is "
                "not in the record any more\n"
        );
        EXPECT_EQ(text_of(file), whole);
        EXPECT_NE(before, whole);
    }
};

TEST_F(lost_lines, of_a_node_record_are_named) {
    add_node(t1);
    expect_named(
        "nodes", {"-m", "node", "-T", t1, "-o", "update", "-n", "node.startup", "-v", "automatic"}
    );
}

TEST_F(lost_lines, of_a_discovery_record_are_named) {
    const std::vector<std::string> record{"-m", "discoverydb", "-t", "st", "-p", "10.9.9.1", "-o"};
    auto create = record, update = record;
    create.emplace_back("new");
    run_well(create);
    for (const char* word : {"update", "-n", "discovery.sendtargets.reopen_max", "-v", "7"})
        update.emplace_back(word);
    expect_named("send_targets", update);
}

TEST_F(lost_lines, of_an_interface_are_named) {
    run_well({"-m", "iface", "-I", "eth", "-o", "new"});
    expect_named(
        "ifaces", {"-m", "iface", "-I", "eth", "-o", "update", "-n", "iface.mtu", "-v", "9000"}
    );
}

TEST_F(lost_lines, stay_when_nothing_is_changed) {
    add_node(t1);
    const auto file = file_in("nodes");
    add_line(file);
    const outcome got =
        run({"-m", "node", "-T", t1, "-o", "update", "-n", "node.nosuch", "-v", "automatic"});
    EXPECT_EQ(got.code, 7);
    EXPECT_THAT(got.err, Not(HasSubstr("any more")));
    EXPECT_THAT(text_of(file), HasSubstr("a line of somebody\n"));
}

} // namespace
} // namespace iscsi::cli

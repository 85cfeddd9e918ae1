#include "tests/unit/admin/sample_records.hpp"

#include "libiscsi/admin/record_file.hpp"
#include "libiscsi/admin/written_id.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace iscsi::admin {
namespace {

std::string text_with(const std::string& old, const std::string& now) {
    auto text = format_record(node_of(sample_id()));
    const auto at = text.find(old);
    EXPECT_NE(at, std::string::npos) << old;
    return text.replace(at, old.size(), now);
}

TEST(written_id, is_what_the_record_says) {
    const auto node = node_of(sample_id());
    EXPECT_EQ(written_id(format_record(node)), id_of(node));
}

// Each of these is read as a whole: there it is told what is wrong, or that nothing is.
TEST(written_id, is_not_guessed) {
    const std::string name = "node.name = " + id_of(node_of(sample_id())).target;
    const std::vector<std::pair<std::string, std::string>> changes{
        {"# END RECORD\n", ""},
        {"# END RECORD\n", "# END RECORD"},
        {name + "\n", ""},
        {name + "\n", name + "\nnode.name = iqn.2026-11.org.example:other\n"},
        {name + "\n", "node.name=" + name.substr(12) + "\n"},
        {name + "\n", name + " \n"},
        {name + "\n", name + "\r\n"},
        {name + "\n", " " + name + "\n"},
        {name + "\n", "\n" + name + "\n"},
        {name + "\n", "node.name = \n"},
        {name + "\n", "node.name = " + std::string(256, 'x') + "\n"},
        {"node.conn[0].port = 3260", "node.conn[0].port = 0"},
        {"node.conn[0].port = 3260", "node.conn[0].port = 65536"},
        {"node.conn[0].port = 3260", "node.conn[0].port = 3260x"},
        {"node.tpgt = ", "node.tpgt = 9999"},
    };
    for (const auto& [old, now] : changes)
        EXPECT_EQ(written_id(text_with(old, now)), std::nullopt) << old << " became " << now;
    EXPECT_EQ(written_id(""), std::nullopt);
    EXPECT_EQ(written_id("# END RECORD\n"), std::nullopt);
}

} // namespace
} // namespace iscsi::admin

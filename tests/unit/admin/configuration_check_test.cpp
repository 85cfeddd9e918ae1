#include "tests/unit/admin/sample_records.hpp"
#include "tests/unit/admin/temporary_folder.hpp"

#include "libiscsi/admin/configuration_check.hpp"
#include "libiscsi/admin/record_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iscsi::admin {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// All files of a host, good at first.
class configuration_check : public testing::Test {
  protected:
    configuration_check() {
        put_text(where_.config_file, "node.startup = automatic\n");
        put_text(where_.initiator_name_file, "InitiatorName=iqn.a:b\n");
        record_store records(where_.database);
        EXPECT_TRUE(records.write(node_of(sample_id())));
        EXPECT_TRUE(records.write_discovery(discovery_of("10.9.9.1")));
        record interface(record_kind::interface);
        must_set(interface, "iface.iscsi_ifacename", "one");
        EXPECT_TRUE(records.write_interface(interface));
    }

    configuration_findings check() const { return check_configuration(where_); }

    std::filesystem::path node_file() const {
        return where_.database / "nodes" / sample_target / "10.9.9.1,3260,1" / "default";
    }

    // Of what stands there, or is to.
    void append(const std::filesystem::path& to, std::string_view before, std::string_view text) {
        auto whole = text_of(to);
        whole.insert(before.empty() ? whole.size() : whole.find(before), text);
        put_text(to, whole);
    }

    temporary_folder folder_;
    checked_places where_{
        folder_.path() / "iscsid.conf",
        folder_.path() / "initiatorname.iscsi",
        folder_.path() / "db"};
};

TEST_F(configuration_check, finds_nothing_in_good_files) {
    const auto found = check();
    EXPECT_THAT(found.errors, IsEmpty());
    EXPECT_THAT(found.warnings, IsEmpty());
    EXPECT_EQ(found.nodes, 1U);
    EXPECT_EQ(found.discoveries, 1U);
    EXPECT_EQ(found.interfaces, 1U);
}

TEST_F(configuration_check, needs_a_name_and_nothing_else) {
    std::filesystem::remove_all(where_.database);
    std::filesystem::remove(where_.config_file);
    EXPECT_THAT(check().errors, IsEmpty());
    put_text(where_.initiator_name_file, "GenerateName=yes\n");
    EXPECT_THAT(check().errors, IsEmpty());
    EXPECT_EQ(text_of(where_.initiator_name_file), "GenerateName=yes\n") << "nothing is changed";
    std::filesystem::remove(where_.initiator_name_file);
    EXPECT_THAT(check().errors, ElementsAre(HasSubstr("initiatorname.iscsi")));
}

TEST_F(configuration_check, says_what_the_reader_of_the_settings_says) {
    put_text(
        where_.config_file,
        "node.session.cmds_max = 4096\nnode.startpu = secret\nno equals sign\nisns.address = x\n"
    );
    const auto found = check();
    EXPECT_THAT(found.errors, IsEmpty());
    EXPECT_THAT(
        found.warnings,
        testing::UnorderedElementsAre(
            AllOf(HasSubstr("iscsid.conf:1: node.session.cmds_max: "), HasSubstr("used: 2048")),
            AllOf(HasSubstr("iscsid.conf:2: node.startpu: bad key"), Not(HasSubstr("secret"))),
            HasSubstr("iscsid.conf:3: line without an equals sign"),
            HasSubstr("iscsid.conf:4: isns.address: bad key")
        )
    );
}

TEST_F(configuration_check, names_the_line_of_a_name_that_is_none) {
    put_text(where_.initiator_name_file, "# mine\nInitiatorName=host\n");
    EXPECT_THAT(check().errors, ElementsAre(HasSubstr("initiatorname.iscsi:2: InitiatorName: ")));
    put_text(where_.initiator_name_file, "initiatorname=iqn.a:b\n");
    EXPECT_THAT(check().errors, IsEmpty());
    EXPECT_THAT(check().warnings, ElementsAre(HasSubstr("initiatorname.iscsi:1: ")));
}

TEST_F(configuration_check, names_each_bad_value_of_a_record) {
    append(node_file(), record_end, "node.session.cmds_max = many\nnode.startup = sometimes\n");
    const auto found = check();
    EXPECT_THAT(
        found.errors,
        ElementsAre(
            AllOf(HasSubstr(node_file().string() + ":"), HasSubstr("node.session.cmds_max")),
            AllOf(HasSubstr(node_file().string() + ":"), HasSubstr("node.startup"))
        )
    );
    EXPECT_EQ(found.nodes, 1U);
}

TEST_F(configuration_check, names_records_that_are_cut_or_in_a_wrong_place) {
    put_text(node_file(), "# BEGIN RECORD 2.1.8\nnode.name = x\n");
    const auto wrong = where_.database / "ifaces" / "other";
    std::filesystem::copy_file(where_.database / "ifaces" / "one", wrong);
    put_text(where_.database / "send_targets" / "10.9.9.1,3260" / "st_config", "");
    put_text(where_.database / "send_targets" / "notes" / "st_config", "");
    const auto found = check();
    EXPECT_THAT(
        found.errors,
        ElementsAre(
            HasSubstr(node_file().string() + ": truncated"),
            HasSubstr("st_config: truncated"),
            HasSubstr(wrong.string() + ": does not belong")
        )
    );
    EXPECT_THAT(found.warnings, ElementsAre(HasSubstr("send_targets/notes: does not belong")));
    EXPECT_EQ(found.nodes + found.discoveries, 0U);
    EXPECT_EQ(found.interfaces, 1U);
}

} // namespace
} // namespace iscsi::admin

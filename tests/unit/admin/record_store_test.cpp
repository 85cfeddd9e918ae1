#include "tests/unit/admin/sample_records.hpp"
#include "tests/unit/admin/temporary_folder.hpp"

#include "libiscsi/admin/record_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <vector>

namespace iscsi::admin {
namespace {

using std::filesystem::exists;
using std::filesystem::is_symlink;
using std::filesystem::path;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class record_store_test : public testing::Test {
  protected:
    path root() const { return folder_.path() / "db"; }

    path nodes() const { return root() / "nodes"; }

    path source() const { return root() / "send_targets/10.9.9.2,3260"; }

    static void write(record_store& store, const record& node) {
        const auto written = store.write(node);
        ASSERT_TRUE(written) << written.error().text();
    }

    std::vector<node_id> ids(const node_filter& filter = {}) const {
        const auto found = record_store(root()).select(filter);
        EXPECT_THAT(found.unreadable, IsEmpty());
        std::vector<node_id> all;
        for (const auto& node : found.records)
            all.push_back(id_of(node));
        expect_listed(filter, found);
        return all;
    }

    // A listing finds what reading everything finds.
    void expect_listed(const node_filter& filter, const record_selection& whole) const {
        const auto listed = record_store(root()).list(filter);
        std::vector<node_id> all;
        for (const auto& node : whole.records)
            all.push_back(id_of(node));
        EXPECT_EQ(listed.ids, all);
        EXPECT_EQ(listed.unreadable.size(), whole.unreadable.size());
        for (std::size_t i = 0; i < whole.unreadable.size(); ++i)
            EXPECT_EQ(listed.unreadable[i].text(), whole.unreadable[i].text());
    }

    temporary_folder folder_;
    record_store store_{root()};
};

mode_t mode_of(const path& file) {
    struct stat found {};

    EXPECT_EQ(::lstat(file.c_str(), &found), 0) << file;
    return found.st_mode & 07777U;
}

std::vector<std::string> list(const path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        names.push_back(entry.path().filename());
    return names;
}

// ---- reading and writing ----

TEST_F(record_store_test, is_empty_where_nothing_is) {
    EXPECT_THAT(ids(), IsEmpty());
    EXPECT_THAT(store_.discoveries(), IsEmpty());
    EXPECT_THAT(store_.select_interfaces().records, IsEmpty());
    const auto found = store_.find(sample_id());
    ASSERT_TRUE(found);
    EXPECT_FALSE(*found);
    EXPECT_FALSE(exists(root())) << "reading makes nothing";
}

TEST_F(record_store_test, finds_what_it_wrote) {
    auto node = discovered_node(sample_id(), "10.9.9.2");
    must_set(node, "node.session.auth.password", "hunter2 hunter2");
    must_set(node, "key.of.tomorrow", "1");
    write(store_, node);
    const auto found = store_.find(sample_id());
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ(*found, node);
    EXPECT_THAT(store_.select({}).records, ElementsAre(node));
}

TEST_F(record_store_test, writes_files_that_only_root_reads) {
    write(store_, discovered_node(sample_id(), "10.9.9.2"));
    const auto target = nodes() / sample_target;
    for (const auto& made : {root(), nodes(), target, target / "10.9.9.1,3260,1", source()})
        EXPECT_EQ(mode_of(made), 0700U) << made;
    EXPECT_EQ(mode_of(target / "10.9.9.1,3260,1/default"), 0600U);
    EXPECT_EQ(mode_of(root() / ".lock"), 0600U);
}

TEST_F(record_store_test, replaces_a_record) {
    write(store_, node_of(sample_id()));
    auto changed = node_of(sample_id());
    must_set(changed, "node.startup", "automatic");
    write(store_, changed);
    EXPECT_THAT(store_.select({}).records, ElementsAre(changed));
}

TEST_F(record_store_test, leaves_the_file_of_an_equal_record_alone) {
    const auto file = nodes() / sample_target / "10.9.9.1,3260,1/default";
    const auto inode_of = [&file] {
        struct stat found {};
        EXPECT_EQ(::stat(file.c_str(), &found), 0);
        return found.st_ino;
    };
    write(store_, node_of(sample_id()));
    const auto first = inode_of();
    std::filesystem::create_hard_link(file, folder_.path() / "keeps the inode");
    write(store_, node_of(sample_id()));
    EXPECT_EQ(inode_of(), first);
    std::filesystem::remove(root() / "static" / "iqn.2020-01.test:t1,10.9.9.1,3260,1,default");
    write(store_, node_of(sample_id()));
    EXPECT_TRUE(is_symlink(root() / "static/iqn.2020-01.test:t1,10.9.9.1,3260,1,default"));
}

TEST_F(record_store_test, moves_the_record_without_a_tag_when_the_tag_is_known) {
    auto untagged = node_of(sample_id(-1));
    write(store_, untagged);
    auto other = node_of({sample_target, "10.9.9.1", 3260, -1, "eth0"});
    must_set(other, "node.startup", "automatic");
    write(store_, other);
    auto tagged = node_of(sample_id(1));
    must_set(tagged, "node.startup", "onboot");
    write(store_, tagged);
    auto moved = other;
    must_set(moved, "node.tpgt", "1");
    EXPECT_THAT(store_.select({}).records, ElementsAre(tagged, moved));
    EXPECT_FALSE(exists(nodes() / sample_target / "10.9.9.1,3260"));
    EXPECT_FALSE(exists(nodes() / sample_target / "10.9.9.1,3260,-1"));
}

TEST_F(record_store_test, keeps_what_a_record_says_when_it_gets_its_tag) {
    auto untagged = discovered_node(sample_id(-1), "10.9.9.2");
    must_set(untagged, "node.session.auth.password", "0123456789ab");
    write(store_, untagged);
    auto edit = store_.edit();
    ASSERT_TRUE(edit);
    ASSERT_TRUE(edit->adopt_group_tag(sample_id(7)));
    must_set(untagged, "node.tpgt", "7");
    EXPECT_THAT(store_.select({}).records, ElementsAre(untagged));
    EXPECT_THAT(store_.discovered_by({"10.9.9.2", 3260}), ElementsAre(sample_id(7)));
}

TEST_F(record_store_test, leaves_other_portals_alone_when_a_tag_is_known) {
    const node_id other_port{sample_target, "10.9.9.1", 860, -1, "default"};
    const node_id other_target{"iqn.2020-01.test:t2", "10.9.9.1", 3260, -1, "default"};
    write(store_, node_of(other_port));
    write(store_, node_of(other_target));
    write(store_, node_of(sample_id(1)));
    EXPECT_THAT(ids(), ElementsAre(sample_id(1), other_port, other_target));
}

TEST_F(record_store_test, finds_one_record_with_and_without_its_tag) {
    write(store_, node_of(sample_id(3)));
    EXPECT_EQ(id_of(**store_.find(sample_id(-1))), sample_id(3));
    EXPECT_EQ(store_.known_group_tag(sample_id(-1)), 3);
    EXPECT_FALSE(*store_.find(sample_id(4)));
    ASSERT_TRUE(store_.remove(sample_id(3)));
    EXPECT_EQ(store_.known_group_tag(sample_id(-1)), -1);
    write(store_, node_of(sample_id(-1)));
    EXPECT_EQ(id_of(**store_.find(sample_id(3))), sample_id(-1));
}

TEST_F(record_store_test, has_room_for_every_interface_without_a_tag) {
    write(store_, node_of(sample_id(-1)));
    auto other = sample_id(-1);
    other.interface = "eth0";
    EXPECT_FALSE(*store_.find(other));
    write(store_, node_of(other));
    EXPECT_THAT(ids(), ElementsAre(sample_id(-1), other));
    EXPECT_TRUE(std::filesystem::is_regular_file(nodes() / sample_target / "10.9.9.1,3260"));
    auto changed = node_of(other);
    must_set(changed, "node.startup", "automatic");
    write(store_, changed);
    EXPECT_EQ(**store_.find(other), changed);
    ASSERT_TRUE(store_.remove(sample_id(-1)));
    EXPECT_THAT(ids(), ElementsAre(other));
    EXPECT_TRUE(store_.remove(other));
    EXPECT_FALSE(exists(nodes() / sample_target));
}

TEST_F(record_store_test, finds_a_record_by_its_path_when_what_selects_it_is_bad) {
    write(store_, node_of(sample_id(1)));
    const auto file = nodes() / sample_target / "10.9.9.1,3260,1/default";
    auto text = text_of(file);
    text.replace(text.find("node.tpgt = 1"), 13, "node.tpgt = one");
    put_text(file, text);
    EXPECT_THAT(ids(), ElementsAre(sample_id(1)));
    EXPECT_TRUE(store_.remove(sample_id(1)));
    EXPECT_THAT(ids(), IsEmpty());
}

TEST_F(record_store_test, sorts_by_the_names_on_disk) {
    const std::vector<node_id> sorted{
        {"iqn.a:1", "10.0.0.1", 3260, 1, "default"},
        {"iqn.a:1", "10.0.0.1", 3260, 1, "eth0"},
        {"iqn.a:1", "10.0.0.1", 3260, 10, "default"},
        {"iqn.a:1", "10.0.0.1", 3260, 2, "default"},
        {"iqn.a:1", "9.0.0.1", 3260, 1, "default"},
        {"iqn.a:10", "10.0.0.1", 3260, 1, "default"},
        {"iqn.a:2", "10.0.0.1", 3260, 1, "default"}};
    for (const auto at : {3, 0, 6, 2, 5, 1, 4})
        write(store_, node_of(sorted[static_cast<std::size_t>(at)]));
    EXPECT_EQ(ids(), sorted);
}

TEST_F(record_store_test, selects_by_every_part_of_the_identity) {
    const node_id here{"iqn.a:1", "10.0.0.1", 3260, 1, "default"};
    const node_id there{"iqn.a:2", "10.0.0.2", 3261, 2, "eth0"};
    write(store_, node_of(here));
    write(store_, node_of(there));
    EXPECT_THAT(ids({.target = "iqn.a:1"}), ElementsAre(here));
    EXPECT_THAT(ids({.address = "10.0.0.2"}), ElementsAre(there));
    EXPECT_THAT(ids({.port = 3261}), ElementsAre(there));
    EXPECT_THAT(ids({.group_tag = 1}), ElementsAre(here));
    EXPECT_THAT(ids({.interface = "eth0"}), ElementsAre(there));
    EXPECT_THAT(ids({.target = "iqn.a:1", .interface = "eth0"}), IsEmpty());
}

TEST_F(record_store_test, reads_what_open_iscsi_left) {
    put_text(
        nodes() / sample_target / "10.9.9.1,3260,1/default",
        "# BEGIN RECORD 2.0-874\nnode.name = iqn.2020-01.test:t1\nnode.tpgt = 1\n"
        "node.conn[0].address = 10.9.9.1\nnode.conn[0].port = 3260\n"
        "iface.iscsi_ifacename = default\nnode.session.sess_reopen_log_freq = 1\n# END RECORD\n"
    );
    EXPECT_THAT(ids(), ElementsAre(sample_id(1)));
}

// ---- what cannot be read ----

TEST_F(record_store_test, reports_damaged_records_and_reads_the_others) {
    write(store_, node_of(sample_id()));
    const auto target = nodes() / "iqn.a:b";
    put_text(target / "1.1.1.1,3260,1/default", "# BEGIN RECORD 2.1.8\nnode.name = iqn.a:b\n");
    put_text(target / "1.1.1.2,3260", "");
    put_text(target / "1.1.1.3,3260", "node.name = iqn.a:other\nnode.conn[0].address = x\n");
    std::filesystem::create_directories(target / "1.1.1.4,3260,1/default");
    const auto found = store_.select({});
    ASSERT_THAT(found.records, SizeIs(3));
    EXPECT_EQ(id_of(found.records[1]), (node_id{"iqn.a:b", "1.1.1.1", 3260, 1, "default"}));
    EXPECT_EQ(found.records[1].whole(), wholeness::cut);
    EXPECT_EQ(id_of(found.records[2]), (node_id{"iqn.a:b", "1.1.1.2", 3260, -1, "default"}));
    EXPECT_EQ(found.records[2].whole(), wholeness::empty);
    ASSERT_THAT(found.unreadable, SizeIs(2));
    expect_listed({}, found);
    EXPECT_THAT(store_.list({}).damaged, SizeIs(2));
    EXPECT_EQ(found.unreadable[0].code, to_error_code(file_errc::misplaced));
    EXPECT_EQ(found.unreadable[1].code, to_error_code(file_errc::read_failed));
    EXPECT_FALSE(store_.write(found.records[1])) << "half of it would look whole";
    EXPECT_TRUE(store_.remove(id_of(found.records[1])));
    EXPECT_FALSE(exists(target / "1.1.1.1,3260,1"));
}

TEST_F(record_store_test, knows_a_record_without_names_by_its_place) {
    put_text(nodes() / "iqn.a:b/1.1.1.1,3260,1/default", "node.startup = automatic\n");
    EXPECT_THAT(ids(), ElementsAre(node_id{"iqn.a:b", "1.1.1.1", 3260, 1, "default"}));
}

TEST_F(record_store_test, passes_over_what_editors_leave) {
    write(store_, node_of(sample_id()));
    const auto place = nodes() / sample_target / "10.9.9.1,3260,1";
    for (const auto* const name : {"default~", "default.bak", "default.dpkg-old", "default.new"})
        std::filesystem::copy_file(place / "default", place / name);
    put_text(place / ".default.swp", std::string("b0VIM\0\0", 7));
    EXPECT_THAT(ids(), ElementsAre(sample_id()));
}

TEST_F(record_store_test, is_not_held_up_by_a_fifo) {
    std::filesystem::create_directories(nodes() / "iqn.a:b");
    ASSERT_EQ(::mkfifo((nodes() / "iqn.a:b/1.1.1.1,3260").c_str(), 0600), 0);
    EXPECT_THAT(store_.select({}).unreadable, SizeIs(1));
}

TEST_F(record_store_test, reports_a_record_in_the_place_of_another) {
    write(store_, node_of(sample_id()));
    const auto copy = nodes() / "iqn.a:copy";
    std::filesystem::copy(nodes() / sample_target, copy, std::filesystem::copy_options::recursive);
    const auto found = store_.select({});
    EXPECT_THAT(found.records, SizeIs(1));
    ASSERT_THAT(found.unreadable, SizeIs(1));
    EXPECT_EQ(found.unreadable[0].code, to_error_code(file_errc::misplaced));
    expect_listed({}, found);
    EXPECT_EQ(found.unreadable[0].field, copy / "10.9.9.1,3260,1/default");
}

TEST_F(record_store_test, replaces_and_removes_damaged_records) {
    const auto file = nodes() / sample_target / "10.9.9.1,3260,1/default";
    put_text(file, "");
    const auto damaged = store_.find(sample_id());
    ASSERT_TRUE(damaged && *damaged && (*damaged)->is_damaged());
    write(store_, node_of(sample_id()));
    EXPECT_THAT(ids(), ElementsAre(sample_id()));
    put_text(file, "");
    EXPECT_TRUE(store_.remove(sample_id()));
    EXPECT_FALSE(exists(nodes() / sample_target));
}

TEST_F(record_store_test, lets_no_name_leave_the_tree) {
    for (const auto* const name : {"../../evil", "iqn.a:b/../../../evil", "..", ""}) {
        auto id = sample_id();
        id.target = name;
        EXPECT_FALSE(store_.find(id)) << name;
        EXPECT_FALSE(store_.remove(id)) << name;
        if (name != std::string_view()) {
            EXPECT_FALSE(store_.write(node_of(id))) << name;
        }
        EXPECT_FALSE(store_.find_discovery({name, 3260})) << name;
        EXPECT_FALSE(store_.remove_discovery({name, 3260})) << name;
        EXPECT_FALSE(store_.find_interface(name)) << name;
        EXPECT_FALSE(store_.remove_interface(name)) << name;
    }
    EXPECT_FALSE(exists(root()));
}

TEST_F(record_store_test, refuses_names_that_are_no_iscsi_names) {
    auto id = sample_id();
    id.target = "disk1";
    EXPECT_FALSE(store_.write(node_of(id)));
}

// ---- removing ----

TEST_F(record_store_test, removes_a_record_with_its_links_and_empty_folders) {
    auto other = sample_id();
    other.interface = "eth0";
    write(store_, discovered_node(sample_id(), "10.9.9.2"));
    write(store_, node_of(other));
    ASSERT_TRUE(store_.remove(sample_id()));
    EXPECT_THAT(ids(), ElementsAre(other));
    EXPECT_FALSE(exists(source())) << "no record and no link are left in it";
    ASSERT_TRUE(store_.remove(other));
    EXPECT_FALSE(exists(nodes() / sample_target));
    EXPECT_TRUE(exists(nodes()));
    EXPECT_THAT(list(root() / "static"), IsEmpty());
}

TEST_F(record_store_test, removes_what_is_not_there) {
    EXPECT_TRUE(store_.remove(sample_id()));
    EXPECT_TRUE(store_.remove_discovery({"10.9.9.2", 3260}));
}

// ---- where records come from ----

TEST_F(record_store_test, links_discovered_records_by_absolute_paths) {
    write(store_, discovered_node(sample_id(), "10.9.9.2"));
    const auto link = source() / "iqn.2020-01.test:t1,10.9.9.1,3260,1,default";
    ASSERT_TRUE(is_symlink(link));
    EXPECT_EQ(std::filesystem::read_symlink(link), nodes() / sample_target / "10.9.9.1,3260,1");
    EXPECT_THAT(store_.discovered_by({"10.9.9.2", 3260}), ElementsAre(sample_id()));
}

TEST_F(record_store_test, links_static_records_that_have_a_tag) {
    write(store_, node_of(sample_id(1)));
    write(store_, node_of(sample_id(-1)));
    EXPECT_TRUE(is_symlink(root() / "static/iqn.2020-01.test:t1,10.9.9.1,3260,1,default"));
    EXPECT_FALSE(is_symlink(root() / "static/iqn.2020-01.test:t1,10.9.9.1,3260,-1,default"));
}

TEST_F(record_store_test, moves_the_link_when_the_source_changes) {
    write(store_, node_of(sample_id()));
    write(store_, discovered_node(sample_id(), "10.9.9.2"));
    EXPECT_FALSE(is_symlink(root() / "static/iqn.2020-01.test:t1,10.9.9.1,3260,1,default"));
    write(store_, discovered_node(sample_id(), "10.9.9.3"));
    EXPECT_THAT(store_.discovered_by({"10.9.9.2", 3260}), IsEmpty());
    EXPECT_THAT(store_.discovered_by({"10.9.9.3", 3260}), ElementsAre(sample_id()));
}

TEST_F(record_store_test, removes_a_source_with_the_records_that_it_gave) {
    ASSERT_TRUE(store_.write_discovery(discovery_of("10.9.9.2")));
    auto stays = sample_id(2);
    auto gone = sample_id(3);
    write(store_, discovered_node(sample_id(1), "10.9.9.2"));
    write(store_, discovered_node(stays, "10.9.9.3"));
    write(store_, discovered_node(gone, "10.9.9.2"));
    std::filesystem::remove_all(nodes() / sample_target / "10.9.9.1,3260,3");
    EXPECT_THAT(store_.discovered_by({"10.9.9.2", 3260}), ElementsAre(sample_id(1)));
    const auto removed = store_.remove_discovery({"10.9.9.2", 3260});
    ASSERT_TRUE(removed) << removed.error().text();
    EXPECT_THAT(ids(), ElementsAre(stays));
    EXPECT_FALSE(exists(source()));
    EXPECT_THAT(store_.discoveries(), IsEmpty());
}

TEST_F(record_store_test, follows_no_link_out_of_the_tree) {
    ASSERT_TRUE(store_.write_discovery(discovery_of("10.9.9.2")));
    const auto outside = folder_.path() / "outside/default";
    put_text(outside, "precious");
    std::filesystem::create_symlink(
        outside.parent_path(), source() / "iqn.a:b,10.0.0.1,3260,1,default"
    );
    EXPECT_THAT(store_.discovered_by({"10.9.9.2", 3260}), IsEmpty());
    EXPECT_TRUE(store_.remove_discovery({"10.9.9.2", 3260}));
    EXPECT_EQ(text_of(outside), "precious");
}

TEST_F(record_store_test, keeps_discovery_records) {
    auto discovery = discovery_of("2001:db8::1", "3261");
    must_set(discovery, "discovery.sendtargets.auth.password", "secret");
    ASSERT_TRUE(store_.write_discovery(discovery));
    ASSERT_TRUE(store_.write_discovery(discovery_of("10.9.9.2")));
    EXPECT_THAT(
        store_.discoveries(),
        ElementsAre(discovery_id{"10.9.9.2", 3260}, discovery_id{"2001:db8::1", 3261})
    );
    const auto found = store_.find_discovery({"2001:db8::1", 3261});
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, discovery);
    EXPECT_FALSE(*store_.find_discovery({"2001:db8::1", 3260}));
}

// ---- interfaces ----

record interface_of(std::string_view name) {
    record interface(record_kind::interface);
    must_set(interface, "iface.iscsi_ifacename", name);
    return interface;
}

TEST_F(record_store_test, keeps_interfaces) {
    ASSERT_TRUE(store_.write_interface(interface_of("eth1")));
    ASSERT_TRUE(store_.write_interface(interface_of("eth0")));
    put_text(root() / "ifaces/iface.example", "just words\n");
    EXPECT_THAT(
        store_.select_interfaces().records, ElementsAre(interface_of("eth0"), interface_of("eth1"))
    );
    EXPECT_THAT(store_.select_interfaces().unreadable, IsEmpty());
    ASSERT_TRUE(store_.remove_interface("eth0"));
    EXPECT_THAT(store_.select_interfaces().records, ElementsAre(interface_of("eth1")));
}

TEST_F(record_store_test, reports_damaged_interfaces) {
    put_text(root() / "ifaces/eth0", "half");
    const auto found = store_.select_interfaces();
    ASSERT_THAT(found.records, SizeIs(1));
    EXPECT_TRUE(found.records.front().is_damaged());
    EXPECT_TRUE(store_.remove_interface("eth0"));
}

TEST_F(record_store_test, stores_no_built_in_interface) {
    EXPECT_FALSE(store_.write_interface(interface_of("default")));
    EXPECT_FALSE(store_.write_interface(interface_of("iser")));
}

} // namespace
} // namespace iscsi::admin

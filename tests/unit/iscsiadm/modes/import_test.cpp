#include "tests/unit/iscsiadm/modes/mode_test.hpp"

namespace iscsi::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class import_test : public mode_test {};

TEST_F(import_test, imports_the_records_of_the_configuration_folder) {
    where.database = where.config_folder; // as database_in_use() says
    add_node(t1);
    add_node(t2, "10.9.9.2:3260,1");
    run_well({"-m", "iface", "-I", "eth", "-o", "new"});
    run_well({"-m", "discoverydb", "-t", "st", "-p", "10.9.9.1", "-o", "new"});
    EXPECT_EQ(
        run_well({"-m", "node", "-o", "import"}),
        "Imported 2 node records, 1 discovery records and 1 interfaces to " +
            where.own_database.string() + "\n"
    );
    where.database = where.own_database;
    EXPECT_THAT(run_well({"-m", "node"}), AllOf(HasSubstr(t1), HasSubstr(t2)));
    EXPECT_THAT(run_well({"-m", "iface"}), HasSubstr("eth tcp"));
    EXPECT_THAT(run_well({"-m", "discovery"}), HasSubstr("10.9.9.1:3260"));
    for (const std::string branch : {"nodes", "send_targets", "ifaces"}) {
        EXPECT_EQ(
            std::filesystem::read_symlink(where.config_folder / branch), where.database / branch
        );
        EXPECT_TRUE(std::filesystem::is_directory(where.config_folder / (branch + ".imported")));
    }
    EXPECT_EQ(run({"-m", "node", "-o", "import"}).code, 21);
    EXPECT_EQ(run({"-m", "node", "-T", t1, "-o", "import"}).code, 7);
}

TEST_F(import_test, keeps_its_own_records_at_an_import) {
    add_node(t1);
    update(t1, "node.startup", "automatic");
    where.database = where.config_folder;
    add_node(t1);
    run_well({"-m", "node", "-o", "import"});
    where.database = where.own_database;
    EXPECT_EQ(value_of(t1, "node.startup"), "automatic");
}

TEST_F(import_test, moves_nothing_when_a_record_cannot_be_imported) {
    where.database = where.config_folder;
    add_node(t1);
    add_node(t2);
    std::ofstream(where.config_folder / "nodes" / t2 / "10.9.9.1,3260,1" / "default") << "damaged";
    EXPECT_EQ(run({"-m", "node", "-o", "import"}).code, 6);
    EXPECT_FALSE(std::filesystem::is_symlink(where.config_folder / "nodes"));
    where.database = where.own_database;
    EXPECT_THAT(run_well({"-m", "node"}), HasSubstr(t1));
}

} // namespace
} // namespace iscsi::cli

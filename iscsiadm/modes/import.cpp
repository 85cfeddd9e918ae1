#include "iscsiadm/modes/import.hpp"

#include "iscsiadm/modes/records.hpp"

#include <fmt/core.h>

#include <array>
#include <system_error>

namespace iscsi::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::array branches = {"nodes", "send_targets", "isns", "ifaces"};

bool is_folder(const fs::path& path) {
    std::error_code unused;
    return fs::is_directory(fs::symlink_status(path, unused));
}

// The link first, under another name: without room for it nothing is moved.
std::error_code replace_by_link(const fs::path& old, const fs::path& to) {
    const fs::path link = old.string() + ".new", aside = old.string() + ".imported";
    std::error_code failed, unused;
    fs::create_directories(to, failed);
    if (!failed)
        fs::create_symlink(to, link, failed);
    if (failed)
        return failed;
    fs::rename(old, aside, failed);
    if (!failed)
        fs::rename(link, old, failed);
    if (failed)
        fs::remove(link, unused);
    return failed;
}

// One import. What was copied before a failure stays; nothing of the old tree is touched until all
// of it is copied.
class import_run {
  public:
    import_run(const admin::record_store& from, context& at)
        : from_(from), to_(at.where.own_database), at_(at) {}

    exit_code run();

  private:
    void copy(admin::record_edit& edit);
    void copy_nodes(admin::record_edit& edit);
    void copy_discoveries(admin::record_edit& edit);
    void copy_interfaces(admin::record_edit& edit);
    void move_aside();

    void report(const std::vector<fault>& unreadable) {
        for (const fault& one : unreadable)
            failure_.add(report_database(one, at_.screen));
    }

    void took(const result<void>& written, std::size_t& count) {
        if (!written)
            return failure_.add(report_database(written.error(), at_.screen));
        ++count;
    }

    const admin::record_store& from_;
    admin::record_store to_;
    context& at_;
    first_failure failure_;
    std::size_t nodes_ = 0, discoveries_ = 0, interfaces_ = 0;
};

exit_code import_run::run() {
    auto edit = to_.edit();
    if (!edit)
        return report_database(edit.error(), at_.screen);
    copy(*edit);
    if (failure_.code() == exit_code::success)
        move_aside();
    at_.out.show(import_result{nodes_, discoveries_, interfaces_, to_.root().string()});
    return failure_.code();
}

// Interfaces and sources first: node records refer to them.
void import_run::copy(admin::record_edit& edit) {
    copy_interfaces(edit);
    copy_discoveries(edit);
    copy_nodes(edit);
}

void import_run::copy_nodes(admin::record_edit& edit) {
    const auto all = from_.select({});
    report(all.unreadable);
    edit.begin_many(all.records);
    for (const admin::record& node : all.records) {
        const auto there = to_.find(id_of(node));
        if (there && !*there)
            took(edit.write(node), nodes_);
    }
    if (const auto ended = edit.end_many(); !ended)
        failure_.add(report_database(ended.error(), at_.screen));
}

void import_run::copy_discoveries(admin::record_edit& edit) {
    for (const admin::discovery_id& id : from_.discoveries()) {
        const auto record = from_.find_discovery(id);
        if (!record)
            report({record.error()});
        const auto there = to_.find_discovery(id);
        if (record && *record && there && !*there)
            took(edit.write_discovery(**record), discoveries_);
    }
}

void import_run::copy_interfaces(admin::record_edit& edit) {
    const auto all = from_.select_interfaces();
    report(all.unreadable);
    for (const admin::record& interface : all.records) {
        const auto there = to_.find_interface(interface.get("iface.iscsi_ifacename"));
        if (there && !*there)
            took(edit.write_interface(interface), interfaces_);
    }
}

void import_run::move_aside() {
    for (const char* branch : branches) {
        const fs::path old = from_.root() / branch;
        if (!is_folder(old))
            continue;
        const auto failed = replace_by_link(old, to_.root() / branch);
        if (!failed)
            continue;
        at_.screen.complain(fmt::format("{}: {}", old.string(), failed.message()));
        failure_.add(exit_code::database);
    }
}

} // namespace

exit_code import_records(context& at) {
    at.out.show(opened{document_kind::import});
    const fs::path& old = at.where.config_folder;
    const bool any =
        is_folder(old / "nodes") || is_folder(old / "send_targets") || is_folder(old / "isns");
    if (!any || old == at.where.own_database) {
        at.screen.complain(fmt::format("no records to import in {}", old.string()));
        return exit_code::no_objects_found;
    }
    return import_run(admin::record_store(old), at).run();
}

std::string import_hint(const admin::locations& where) {
    if (where.database == where.own_database)
        return "";
    return fmt::format(
        "the records in {} are used; iscsiadm -m node -o import copies them to {}",
        where.database.string(),
        where.own_database.string()
    );
}

} // namespace iscsi::cli

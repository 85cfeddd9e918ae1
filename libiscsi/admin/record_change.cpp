#include "libiscsi/admin/record_change.hpp"

#include <array>
#include <utility>

namespace iscsi::admin {

namespace {

constexpr std::string_view staged_name = ".staged";
// The folders of the tree in which something may be staged.
constexpr std::array branches{"nodes", "send_targets", "static", "fw", "ifaces"};

bool is_folder(const std::filesystem::path& path) {
    std::error_code unused;
    return std::filesystem::is_directory(path, unused);
}

bool is_link_to(const std::filesystem::path& link, const std::filesystem::path& to) {
    std::error_code error;
    return std::filesystem::read_symlink(link, error) == to && !error;
}

// An unreadable file holds nothing: it will be replaced.
bool holds(const std::filesystem::path& file, std::string_view text) {
    const auto there = read_file(file);
    return there && *there && **there == text;
}

// From the root down, each brought to the disk before the next: a folder in a folder that vanished
// is lost.
result<void> make_folders(file_system& files, const std::filesystem::path& folder) {
    if (is_folder(folder))
        return {};
    if (auto above = make_folders(files, folder.parent_path()); !above)
        return above;
    if (auto made = files.make_folder(folder); !made)
        return made;
    return files.sync_folder(folder.parent_path());
}

} // namespace

result<record_change> record_change::begin(const record_tree& tree, const change_options& how) {
    auto& files = how.files == nullptr ? real_files() : *how.files;
    if (auto made = make_folders(files, tree.root()); !made)
        return made.error();
    auto lock = file_lock::take(tree.lock_file(), how.patience);
    if (!lock)
        return lock.error();
    record_change change(tree, files, std::move(*lock));
    if (auto cleared = change.clear_staged(); !cleared)
        return cleared.error();
    return change;
}

result<void> record_change::put_file(const std::filesystem::path& file, std::string_view text) {
    if (holds(file, text))
        return files_->sync_folder(file.parent_path()); // its writer may not have come that far
    if (auto made = make_folders(*files_, file.parent_path()); !made)
        return made;
    const auto staged = staged_for(file);
    if (auto written = files_->write_file(staged, text); !written)
        return give_up(staged, written.error(), file);
    return move_into_place(staged, file);
}

result<void>
record_change::put_link(const std::filesystem::path& link, const std::filesystem::path& to) {
    if (is_link_to(link, to))
        return {};
    if (auto made = make_folders(*files_, link.parent_path()); !made)
        return made;
    const auto staged = staged_for(link);
    if (auto written = files_->make_link(staged, to); !written)
        return give_up(staged, written.error(), link);
    return move_into_place(staged, link);
}

result<void> record_change::remove(const std::filesystem::path& file) {
    const auto branch = tree_.branch(file);
    if (auto removed = files_->remove_file(file); !removed)
        return removed;
    // Upwards until a folder is not empty, or is a branch: branches stay, because others list them.
    for (auto folder = file.parent_path(); is_folder(folder); folder = folder.parent_path()) {
        if (auto synced = files_->sync_folder(folder); !synced)
            return synced;
        if (folder == branch)
            return {};
        if (auto removed = files_->remove_folder(folder); !removed || is_folder(folder))
            return removed;
    }
    return {};
}

std::filesystem::path record_change::staged_for(const std::filesystem::path& file) const {
    return tree_.branch(file) / staged_name;
}

// What is staged when a change begins belongs to a writer that died: there is one writer, and it is
// us.
result<void> record_change::clear_staged() {
    for (const auto* const branch : branches)
        if (auto removed = files_->remove_file(tree_.root() / branch / staged_name); !removed)
            return removed;
    return {};
}

result<void> record_change::move_into_place(
    const std::filesystem::path& staged, const std::filesystem::path& to
) {
    if (auto moved = files_->move(staged, to); !moved)
        return give_up(staged, moved.error(), to);
    return files_->sync_folder(to.parent_path());
}

// A full disk: the staged file goes, the old one stays, and the fault names what was to change.
fault record_change::give_up(
    const std::filesystem::path& staged, fault why, const std::filesystem::path& to
) {
    static_cast<void>(files_->remove_file(staged));
    why.field = to.string();
    return why;
}

} // namespace iscsi::admin

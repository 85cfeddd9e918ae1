#include "libiscsi/admin/record_change.hpp"

#include <array>
#include <utility>

namespace iscsi::admin {

namespace {

constexpr std::string_view staged_name = ".staged";
// The folders of the tree in which something may be staged.
constexpr std::array branches{"nodes", "send_targets", "isns", "static", "fw", "ifaces"};

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
// is lost. Those that were not there are added to `made`.
template <class Sync>
result<void> make_folders_of(
    file_system& files,
    const std::filesystem::path& folder,
    std::vector<std::filesystem::path>& made,
    Sync sync
) {
    if (is_folder(folder))
        return {};
    if (auto above = make_folders_of(files, folder.parent_path(), made, sync); !above)
        return above;
    if (auto one = files.make_folder(folder); !one)
        return one;
    made.push_back(folder);
    return sync(folder.parent_path());
}

// The last one first. A folder that is not empty any more stays, and so does what a disk that has
// become read-only keeps.
void remove_all(file_system& files, std::vector<std::filesystem::path>& made) {
    for (; !made.empty(); made.pop_back()) {
        const auto& name = made.back();
        static_cast<void>(is_link(name) ? files.remove_file(name) : files.remove_folder(name));
    }
}

} // namespace

result<record_change> record_change::begin(const record_tree& tree, const change_options& how) {
    auto& files = how.files == nullptr ? real_files() : *how.files;
    std::vector<std::filesystem::path> made;
    const auto sync = [&files](const auto& folder) { return files.sync_folder(folder); };
    auto ready = make_folders_of(files, tree.root(), made, sync);
    auto lock = ready ? file_lock::take(tree.lock_file(), how.patience, how.on_wait)
                      : result<file_lock>(ready.error());
    if (!lock) {
        remove_all(files, made);
        return lock.error();
    }
    record_change change(tree, files, std::move(*lock));
    if (auto cleared = change.clear_staged(); !cleared)
        return cleared.error();
    return change;
}

result<void> record_change::put_file(const std::filesystem::path& file, std::string_view text) {
    const auto write = [&](const auto& staged) { return files_->write_file(staged, text); };
    // What holds it already: its writer may only not have come as far as the folder.
    if (!holds(file, text) && !put_staged(file, text))
        if (auto put = put_name(file, write); !put)
            return undo(put);
    made_.clear();
    return sync_folder(file.parent_path());
}

result<void>
record_change::put_link(const std::filesystem::path& link, const std::filesystem::path& to) {
    if (is_link_to(link, to))
        return {};
    const bool is_new = !is_link(link);
    const auto make = [&](const auto& staged) { return files_->make_link(staged, to); };
    if (auto put = put_name(link, make); !put)
        return undo(put);
    if (is_new)
        made_.push_back(link);
    if (auto synced = sync_folder(link.parent_path()); !synced)
        return undo(synced);
    return {};
}

result<void> record_change::remove(const std::filesystem::path& file) {
    const auto branch = tree_.branch(file);
    if (auto removed = files_->remove_file(file); !removed)
        return removed;
    // Upwards until a folder is not empty, or is a branch: branches stay, because others list them.
    for (auto folder = file.parent_path(); is_folder(folder); folder = folder.parent_path()) {
        if (auto synced = sync_folder(folder); !synced)
            return synced;
        if (folder == branch)
            return {};
        if (auto removed = files_->remove_folder(folder); !removed || is_folder(folder))
            return removed;
    }
    return {};
}

void record_change::begin_many(std::size_t steps, const std::vector<text_of_file>& texts) {
    constexpr std::size_t worth_it = 8; // the whole file system is flushed instead of these
    if (steps < worth_it)
        return;
    many_ = true;
    for (const auto& each : texts)
        if (!holds(each.file, each.text) && !staged_.add(each.file, each.text))
            break;
    staged_.bring();
}

result<void> record_change::end_many() {
    if (!std::exchange(many_, false))
        return {};
    auto ended = staged_.clear();
    for (const auto& where : std::exchange(unsynced_, {}))
        if (auto synced = files_->sync_file_system(where); !synced && ended)
            ended = synced;
    return ended;
}

record_change::record_change(record_change&& other) noexcept
    : tree_(std::move(other.tree_))
    , files_(other.files_)
    , lock_(std::move(other.lock_))
    , made_(std::move(other.made_))
    , staged_(std::move(other.staged_))
    , many_(std::exchange(other.many_, false))
    , unsynced_(std::move(other.unsynced_)) {}

record_change::~record_change() {
    static_cast<void>(end_many());
}

// A name that changes is lasting at once, or with all others at the end.
result<void> record_change::sync_folder(const std::filesystem::path& folder) {
    if (!many_)
        return files_->sync_folder(folder);
    unsynced_.insert(folder == tree_.root() ? folder : tree_.branch(folder));
    return {};
}

result<void> record_change::make_folders(const std::filesystem::path& folder) {
    return make_folders_of(*files_, folder, made_, [this](const auto& above) {
        return sync_folder(above);
    });
}

bool record_change::put_staged(const std::filesystem::path& file, std::string_view text) {
    return many_ && make_folders(file.parent_path()) && staged_.move(file, text);
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
    return staged_.clear();
}

// A full disk: the staged file goes, the old one stays, and the fault names what was to change.
template <class Make>
result<void> record_change::put_name(const std::filesystem::path& name, Make make) {
    if (auto made = make_folders(name.parent_path()); !made)
        return made;
    const auto staged = staged_for(name);
    auto put = make(staged);
    if (put)
        put = files_->move(staged, name);
    if (put)
        return put;
    static_cast<void>(files_->remove_file(staged));
    auto why = put.error();
    why.field = name.string();
    return why;
}

result<void> record_change::undo(result<void> why) {
    remove_all(*files_, made_);
    return why;
}

} // namespace iscsi::admin

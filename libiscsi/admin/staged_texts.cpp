#include "libiscsi/admin/staged_texts.hpp"

namespace iscsi::admin {

bool staged_texts::add(const std::filesystem::path& file, std::string_view text) {
    if (places_.empty() && !files_->make_folder(folder_))
        return false;
    auto staged = folder_ / std::to_string(next_++);
    if (!files_->write_unsynced(staged, text))
        return false;
    places_.insert_or_assign(file, std::move(staged));
    return true;
}

bool staged_texts::bring() {
    if (places_.empty())
        return false;
    if (files_->sync_file_system(folder_))
        return true;
    places_.clear();
    return false;
}

bool staged_texts::move(const std::filesystem::path& file, std::string_view text) {
    const auto found = places_.find(file);
    if (found == places_.end())
        return false;
    const auto staged = found->second;
    places_.erase(found);
    const auto there = read_file(staged);
    return there && *there && **there == text && files_->move(staged, file);
}

result<void> staged_texts::clear() {
    places_.clear();
    std::error_code unused;
    if (!std::filesystem::exists(folder_, unused))
        return {};
    const auto names = list_folder(folder_);
    if (!names)
        return names.error();
    for (const auto& name : *names)
        if (auto removed = files_->remove_file(folder_ / name); !removed)
            return removed;
    return files_->remove_folder(folder_);
}

} // namespace iscsi::admin

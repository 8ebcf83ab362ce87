// Loaded in the place of review.js by a page whose address lacks its last slash: adds it. Orthanc
// drops that slash before the plugin sees the request, so that it cannot be done on the server.

if (location.pathname.endsWith('/ui')) {
  location.replace(`${location.pathname}/${location.search}${location.hash}`);
}

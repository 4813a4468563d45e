// Says on the page what a browser said when a passkey could not be made or used.
(function () {
  const words = {
    NotAllowedError: 'failed', InvalidStateError: 'known', SecurityError: 'host', NotSupportedError: 'unsupported'
  }
  document.addEventListener('allauth.error', function (event) {
    const place = document.getElementById('passkey-error')
    if (!place) return
    event.preventDefault()
    const exception = event.detail.exception
    place.textContent = place.dataset[words[exception && exception.name] || 'failed']
    place.hidden = false
  })
})()
